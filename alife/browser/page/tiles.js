// @ts-check
import { Refused, pictures } from "./api.js";

/** Which pictures are on the shelf of the painter, and which are to come. */

const AT_ONCE = 16;
/** Requests under way at the same time: the server has few cores, and what is in the middle should come first. */
const REQUESTS = 2;
const MOST_LAYERS = 448;

export class Tiles {
  /**
   * @param {(frames: number, side: number, most: number) => import("./atlas.js").Shelf} shelf where pictures go
   * @param {number} run
   * @param {number} frames pictures of a lifeform
   * @param {number} side edge of a picture, pixels
   * @param {() => void} arrived called when there are new ones
   */
  constructor(shelf, run, frames, side, arrived) {
    this.shelf = shelf(frames, side, MOST_LAYERS);
    this.capacity = this.shelf.capacity;
    this.run = run;
    this.frames = frames;
    this.side = side;
    this.arrived = arrived;
    /** Lifeform -> layer, the longest unseen first. @type {Map<number, number>} */
    this.layers = new Map();
    /** Layer -> time at which its picture came. */
    this.since = new Float64Array(this.capacity);
    /** @type {Set<number>} */
    this.missing = new Set();
    /** @type {Map<AbortController, number[]>} */
    this.asked = new Map();
    /** Who is in view, the most wanted first. @type {number[]} */
    this.queue = [];
  }

  /**
   * Says who is in view, the most wanted first; what is not there yet is asked for.
   * @param {number[]} ids
   */
  want(ids) {
    const wanted = ids.slice(0, this.capacity);
    for (const id of wanted) {
      const layer = this.layers.get(id);
      if (layer === undefined) continue;
      this.layers.delete(id);
      this.layers.set(id, layer);
    }
    const seen = new Set(wanted);
    for (const [request, group] of this.asked) {
      if (!group.some((id) => seen.has(id))) request.abort();
    }
    this.queue = wanted;
    this.#ask();
  }

  /** What was not there may have come since. */
  forgive() { this.missing.clear(); }

  /** Gives the memory on the graphics card back. */
  dispose() {
    this.queue = [];
    for (const request of this.asked.keys()) request.abort();
    this.shelf.drop();
  }

  #ask() {
    const under = new Set([...this.asked.values()].flat());
    const queue = this.queue.filter((id) => !under.has(id) && !this.layers.has(id) && !this.missing.has(id));
    // The first few come alone: there should be life on the screen at once.
    while (this.asked.size < REQUESTS && queue.length) this.#fetch(queue.splice(0, this.layers.size ? AT_ONCE : 4));
  }

  /** @param {number[]} ids */
  async #fetch(ids) {
    const request = new AbortController();
    this.asked.set(request, ids);
    try {
      const found = await pictures(this.run, ids, this.side, request.signal);
      const came = found.get("id")?.values ?? [], frames = found.get("frames")?.values ?? new Uint8Array(0);
      const size = frames.length / Math.max(1, came.length);
      for (let i = 0; i < came.length; i++) this.#keep(came[i], frames.subarray(i * size, (i + 1) * size));
      for (const id of ids) if (!this.layers.has(id)) this.missing.add(id);
      this.arrived();
    } catch (error) {
      if (error instanceof Refused) for (const id of ids) this.missing.add(id);
      else if (!request.signal.aborted) this.queue = []; // nobody answers: ask again when something moves
    } finally {
      this.asked.delete(request);
      this.#ask();
    }
  }

  /** @param {number} id @param {import("./api.js").Numbers} frames */
  #keep(id, frames) {
    let layer = this.layers.size;
    if (layer >= this.capacity) {
      const [oldest, freed] = /** @type {[number, number]} */ (this.layers.entries().next().value);
      this.layers.delete(oldest);
      layer = freed;
    }
    this.layers.set(id, layer);
    this.since[layer] = performance.now();
    this.shelf.put(layer, /** @type {Uint8Array} */ (frames));
  }
}
