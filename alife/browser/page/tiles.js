// @ts-check
import { Refused, pictures } from "./api.js";

/** Pictures on the graphics card: one layer of a texture array per lifeform, its frames one below the other. */

const AT_ONCE = 16;
/** Requests under way at the same time: the server has few cores, and what is in the middle should come first. */
const REQUESTS = 2;
const MOST_LAYERS = 448;

export class Tiles {
  /**
   * @param {WebGL2RenderingContext} gl
   * @param {number} run
   * @param {number} frames pictures of a lifeform
   * @param {number} side edge of a picture, pixels
   * @param {() => void} arrived called when there are new ones
   */
  constructor(gl, run, frames, side, arrived) {
    this.gl = gl;
    this.run = run;
    this.frames = frames;
    this.side = side;
    this.arrived = arrived;
    this.capacity = Math.min(MOST_LAYERS, gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS));
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
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGB8, side, frames * side, this.capacity);
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ]) gl.texParameteri(gl.TEXTURE_2D_ARRAY, name, value);
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

  /** Gives the memory on the graphics card back. */
  dispose() {
    this.queue = [];
    for (const request of this.asked.keys()) request.abort();
    this.gl.deleteTexture(this.texture);
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
    const { gl, side } = this;
    let layer = this.layers.size;
    if (layer >= this.capacity) {
      const [oldest, freed] = /** @type {[number, number]} */ (this.layers.entries().next().value);
      this.layers.delete(oldest);
      layer = freed;
    }
    this.layers.set(id, layer);
    this.since[layer] = performance.now();
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, layer, side, this.frames * side, 1, gl.RGB, gl.UNSIGNED_BYTE, frames);
  }
}
