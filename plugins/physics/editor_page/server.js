// @ts-check
/** What the server does with levels; a refusal is an error with its sentence. */

/** @typedef {import("./level.js").Level} Level */
/** @typedef {{polygons: number, circles: number, joints: number, thrusters: number}} Room */
/** @typedef {{sky: string, roles: string[], fixed: string[], bindings: string[], loose: string, nozzles: string[], flame: string, core: string}} Colours */
/** @typedef {{file: string, levels: string[], sizes: Record<string, Room>, colours: Colours, state: Level}} About */
/** @typedef {{poses: [number, number, number][], told: number[], decisions: number, done: boolean, won: boolean}} Moment */

/** @param {string} what @param {object} wish */
async function ask(what, wish) {
  const answer = await fetch(`/api/${what}`, { method: "POST", body: JSON.stringify(wish) }).catch(() => {
    throw new Error("the server does not answer: was it stopped? Download needs it, too");
  });
  const said = await answer.json().catch(() => ({ error: `the server fails: ${answer.status}` }));
  if (!answer.ok) throw new Error(said.error);
  return said;
}

/** @returns {Promise<About>} */
export const begin = () => ask("level", {});
/** @param {{level: string} | {text: string}} what @returns {Promise<{state: Level}>} */
export const open = (what) => ask("open", what);
/** @param {Level} state @param {string} size @returns {Promise<{state: Level}>} */
export const enlarge = (state, size) => ask("size", { state, size });
/** @param {Level} state @returns {Promise<{file: string}>} */
export const save = (state) => ask("save", { state });
/** What a level file of it holds. @param {Level} state @returns {Promise<object>} */
export const file = (state) => ask("file", { state });
/** @param {Level} state @returns {Promise<Moment & {play: number, state: Level}>} */
export const play = (state) => ask("play", { state });
/** @param {number} play @param {number[]} told @param {number} decisions @returns {Promise<Moment>} */
export const step = (play, told, decisions) => ask("step", { play, told, decisions });
