// @ts-check
/**
 * What the server knows.
 * @typedef {Int32Array | Uint32Array | Float32Array | Uint8Array} Numbers
 * @typedef {Map<string, {values: Numbers, shape: number[]}>} Arrays
 * @typedef {{name: string, path: string, lifeforms: number, frames: number, numbers: string[], generation: number,
 *   evaluations: number, rate: number | null, best: number | null, writing: boolean, edit: boolean,
 *   endings: {run: string[], lifeform: string[]}}} Run
 * @typedef {{ids: number[], total: number, model: string | null, remarks: string[]}} Found
 * @typedef {{id: number, score: number | null, measures: Record<string, number | null>, substrate: string,
 *   generation: number, origin: string, seed: number[], parents: number[],
 *   alike: number[], genotype: (number | null)[] | null, recipe: {shell: string, python: string},
 *   provenance: object, favourite: boolean, note: string, tags: string[]}} Lifeform
 * @typedef {{verdict: string, difference: number | null, reasons: string[]}} Verdict
 */

const KINDS = { int32: Int32Array, uint32: Uint32Array, float32: Float32Array, uint8: Uint8Array };

/** A refusal of the server, in words for people. */
export class Refused extends Error {}

/** What was asked for is not there, or no longer. */
export class Gone extends Refused {}

/**
 * @param {string} address
 * @param {RequestInit} [how]
 */
async function ask(address, how) {
  const answer = await fetch(address, how);
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new (answer.status === 404 ? Gone : Refused)(said.error ?? `the server answered ${answer.status}`);
}

/**
 * Arrays as `bundle.pack` lays them out; they look at the buffer in place.
 * @param {ArrayBuffer} buffer
 * @returns {Arrays}
 */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  /** @type {[string, keyof typeof KINDS, number[], number][]} */
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return new Map(head.map(([name, kind, shape, place]) => {
    const count = shape.reduce((product, side) => product * side, 1);
    return [name, { values: new KINDS[kind](buffer, 4 + length + place, count), shape }];
  }));
}

/** @returns {Promise<Run[]>} */
export const runs = async () => (await ask("/api/runs")).json();

/**
 * One of them, as it is now.
 * @param {number} run
 * @returns {Promise<Run>}
 */
export const about = async (run) => (await ask(`/api/runs/${run}`)).json();

/**
 * The lifeforms that answer a line of the find bar.
 * @param {number} run
 * @param {string} line
 * @returns {Promise<Found>}
 */
export const find = async (run, line) => (await ask(`/api/runs/${run}/find?q=${encodeURIComponent(line)}`)).json();

/**
 * A picture, by whose name a line can then speak of it.
 * @param {number} run
 * @param {Blob} picture
 * @returns {Promise<string>}
 */
export const drop = async (run, picture) =>
  (await (await ask(`/api/runs/${run}/pictures`, { method: "POST", body: picture })).json()).name;

/**
 * A run, or a lifeform of it, as a file.
 * @param {number} run
 * @param {number | null} id
 * @param {string} ending
 */
export const share = async (run, id, ending) =>
  (await ask(`/api/runs/${run}${id === null ? "" : `/lifeforms/${id}`}/share/${ending}`)).blob();

/**
 * Columns, by lifeform.
 * @param {number} run
 * @param {string} map what places go by; empty: the main directions
 */
export const table = async (run, map) => unpack(await (await ask(`/api/runs/${run}/table${map ? `?map=${encodeURIComponent(map)}` : ""}`)).arrayBuffer());

/**
 * @param {number} run
 * @param {number[]} ids
 * @param {number} side
 * @param {AbortSignal} [signal]
 */
export const pictures = async (run, ids, side, signal) =>
  unpack(await (await ask(`/api/runs/${run}/pictures?ids=${ids}&side=${side}`, { signal })).arrayBuffer());

/**
 * @param {number} run
 * @param {number} id
 * @returns {Promise<Lifeform>}
 */
export const lifeform = async (run, id) => (await ask(`/api/runs/${run}/lifeforms/${id}`)).json();

/**
 * @param {number} run
 * @param {number} id
 */
export const film = async (run, id) => unpack(await (await ask(`/api/runs/${run}/lifeforms/${id}/frames`)).arrayBuffer());

/**
 * @param {number} run
 * @param {number} id
 * @returns {Promise<Verdict>}
 */
export const replay = async (run, id) => (await ask(`/api/runs/${run}/lifeforms/${id}/replay`, { method: "POST" })).json();

/**
 * @param {string} address
 * @param {object} wish
 */
const post = (address, wish) => ask(address, { method: "POST", body: JSON.stringify(wish) });

/**
 * What a world that is watched is made of.
 * @typedef {{name: string, meaning: string, unit: string, low: number, high: number, first: number, last: number}} Gene
 * @typedef {{world: string, genes: Gene[], genotype: number[], whole: boolean, steps: number, poke: boolean}} Stage
 * @typedef {{genotype?: number[], restart?: boolean, poke?: number[], steps?: number}} Wish
 * @typedef {{steps: number[] | null, novelty: (number | null)[], change: (number | null)[]}} Moments
 * @typedef {{levels: [number, number][], ties: [number, number][], ancestors: number[], descendants: number[]}} Family
 */

/**
 * A lifeform once more, to be watched and changed.
 * @param {number} run
 * @param {number} id
 * @param {number} side
 * @returns {Promise<Stage>}
 */
export const live = async (run, id, side) => (await post(`/api/runs/${run}/lifeforms/${id}/live`, { side })).json();

/**
 * Does what is wished with a world, and brings the picture after it.
 * @param {string} world
 * @param {Wish} wish
 */
export const act = async (world, wish) => unpack(await (await post(`/api/live/${world}`, wish)).arrayBuffer());

/**
 * Nine young: changed copies, or of several parents mixtures; with each the places of its parents among all.
 * @param {number} run
 * @param {number} id
 * @param {{parents?: number[][], others: number[], sigma: number, seed: number, side: number}} wish
 * @returns {Promise<{world: string, genotype: number[], of: number[]}[]>}
 */
export const breed = async (run, id, wish) => (await post(`/api/runs/${run}/lifeforms/${id}/breed`, wish)).json();

/**
 * Files a world that was made from a lifeform.
 * @param {number} run
 * @param {number} id
 * @param {{genotype: number[], others?: number[]}} made others are lifeforms that it was made from too
 * @returns {Promise<{run: number, name: string, id: number}>}
 */
export const keep = async (run, id, made) => (await post(`/api/runs/${run}/lifeforms/${id}/keep`, made)).json();

/**
 * @param {number} run
 * @param {number} id
 * @param {{favourite?: boolean, note?: string, tag?: string, untag?: string}} said
 */
export const mark = async (run, id, said) => (await post(`/api/runs/${run}/lifeforms/${id}/mark`, said)).json();

/**
 * Begins a search from a lifeform.
 * @param {number} run
 * @param {number} id
 * @param {number} minutes
 * @returns {Promise<{run: number}>}
 */
export const branch = async (run, id, minutes) => (await post(`/api/runs/${run}/lifeforms/${id}/branch`, { minutes })).json();

/**
 * @param {number} run
 * @param {number} id
 * @returns {Promise<(Gene & {values: number[]})[]>}
 */
export const genes = async (run, id) => (await ask(`/api/runs/${run}/lifeforms/${id}/genes`)).json();

/**
 * @param {number} run
 * @param {number} id
 * @returns {Promise<Moments>}
 */
export const moments = async (run, id) => (await ask(`/api/runs/${run}/lifeforms/${id}/moments`)).json();

/**
 * @param {number} run
 * @param {number} id
 * @returns {Promise<Family>}
 */
export const family = async (run, id) => (await ask(`/api/runs/${run}/lifeforms/${id}/family`)).json();
