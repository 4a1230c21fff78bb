// @ts-check
/**
 * What the server knows.
 * @typedef {Int32Array | Uint32Array | Float32Array | Uint8Array} Numbers
 * @typedef {Map<string, {values: Numbers, shape: number[]}>} Arrays
 * @typedef {{name: string, path: string, lifeforms: number, frames: number}} Run
 * @typedef {{id: number, score: number | null, measures: Record<string, number | null>, substrate: string,
 *   generation: number, operator: string, seed: number[], parents: number[], children: number[],
 *   alike: number[], genotype: (number | null)[] | null, recipe: {shell: string, python: string},
 *   provenance: object}} Lifeform
 * @typedef {{verdict: string, difference: number | null, reasons: string[]}} Verdict
 */

const KINDS = { int32: Int32Array, uint32: Uint32Array, float32: Float32Array, uint8: Uint8Array };

/** A refusal of the server, in words for people. */
export class Refused extends Error {}

/**
 * @param {string} address
 * @param {RequestInit} [how]
 */
async function ask(address, how) {
  const answer = await fetch(address, how);
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refused(said.error ?? `the server answered ${answer.status}`);
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
 * Columns, by lifeform.
 * @param {number} run
 */
export const table = async (run) => unpack(await (await ask(`/api/runs/${run}/table`)).arrayBuffer());

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
