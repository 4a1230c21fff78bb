// @ts-check
import { film, moments } from "./api.js";
import { draw, make, short } from "./dom.js";

/** The life of a lifeform in pictures, with a time axis; under it how new each moment was. */

/** Of the few moments that the model saw, and of a whole film. */
const MOMENTS_PER_SECOND = 6, FILM_PER_SECOND = 30;
const WIDTH = 400, HEIGHT = 46;

/**
 * Puts a picture on a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./api.js").Numbers} rgb
 * @param {number} width
 * @param {number} height
 */
export function put(canvas, rgb, width, height) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.putImageData(new ImageData(new Uint8ClampedArray(withAlpha(rgb).buffer), width, height), 0, 0);
}

/** @param {import("./api.js").Numbers} rgb */
export function withAlpha(rgb) {
  const rgba = new Uint8Array((rgb.length / 3) * 4);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from];
    rgba[to + 1] = rgb[from + 1];
    rgba[to + 2] = rgb[from + 2];
    rgba[to + 3] = 255;
  }
  return rgba;
}

export class Film {
  /** @param {() => boolean} playing whether things move by themselves */
  constructor(playing) {
    this.playing = playing;
    this.canvas = make("canvas", { id: "film", role: "img", width: "1", height: "1" });
    this.time = make("input", { id: "time", type: "range", min: "0", value: "0", max: "0", "aria-label": "Moment of its life" });
    this.curves = make("figure", { class: "moments" });
    this.stopped = false;
  }

  /** Ends it; the canvas shows what it shows. */
  stop() { this.stopped = true; }

  /** @param {number} run @param {number} id */
  async load(run, id) {
    const { canvas, time } = this;
    canvas.setAttribute("aria-label", `The life of lifeform ${id}`);
    this.#moments(run, id);
    const frames = (await film(run, id)).get("frames");
    if (this.stopped || !frames) return;
    const [count, height, width] = frames.shape, size = height * width * 3;
    time.max = String(count - 1);
    canvas.style.aspectRatio = `${width} / ${height}`;
    canvas.style.imageRendering = width < 200 ? "pixelated" : "auto";
    let held = false, shown = -1;
    const show = (/** @type {number} */ k) => {
      if (k === shown) return;
      shown = k;
      put(canvas, frames.values.subarray(k * size, (k + 1) * size), width, height);
      this.curves.querySelector("line")?.setAttribute("transform", `translate(${((count > 1 ? k / (count - 1) : 0) * WIDTH).toFixed(1)})`);
    };
    time.addEventListener("input", () => {
      held = true;
      show(Number(time.value));
    });
    const start = performance.now(), rate = count > 24 ? FILM_PER_SECOND : MOMENTS_PER_SECOND, cycle = count / rate + 0.8;
    const play = (/** @type {number} */ now) => {
      if (this.stopped || held) return;
      const k = this.playing() ? Math.min(count - 1, Math.floor((((now - start) / 1000) % cycle) * rate)) : count - 1;
      time.value = String(Math.max(0, k));
      show(Math.max(0, k));
      requestAnimationFrame(play);
    };
    requestAnimationFrame(play);
  }

  /** @param {number} run @param {number} id */
  async #moments(run, id) {
    const { steps, novelty, change } = await moments(run, id);
    if (this.stopped || novelty.length < 2) return;
    const most = Math.max(1e-6, ...novelty.map(Number), ...change.map(Number));
    const path = (/** @type {(number | null)[]} */ values) => values.map((value, k) =>
      `${k ? "L" : "M"}${((k / (values.length - 1)) * WIDTH).toFixed(1)} ${(HEIGHT - 3 - (Number(value) / most) * (HEIGHT - 6)).toFixed(1)}`).join("");
    const last = novelty.length - 1;
    this.curves.append(
      draw("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `unlike all others: ${short(novelty[0])} at first, ${short(novelty[last])} at the end` },
        draw("path", { class: "middle", d: path(change) }), draw("path", { class: "best", d: path(novelty) }), draw("line", { y2: String(HEIGHT) })),
      make("figcaption", {}, make("span", { class: "best" }, "unlike all others"), make("span", { class: "middle" }, "unlike its own past"),
        make("span", {}, steps ? `step ${steps[0]} to ${steps[last]}` : `0 to ${short(most)}`)));
  }
}
