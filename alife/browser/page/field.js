// @ts-check
import { Painter } from "./atlas.js";
import { Camera } from "./camera.js";
import { Tiles } from "./tiles.js";
import { Wall } from "./wall.js";

/**
 * The field of living pictures: the wall under a camera, with mouse, touch and keyboard.
 * @typedef {{id: number, left: number, top: number, size: number}} Block
 */

const GAP = 0.06;
const SIDE = 96;
const FRAMES_PER_SECOND = 7;
/** Seconds for which the last picture of a life stays. */
const HOLD = 0.8;
const FADE_MS = 220;

export class Field {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{open: (id: number) => void, point: (id: number | null) => void, moved: () => void}} told
   */
  constructor(canvas, told) {
    const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
    if (!gl) throw new Error("this browser has no WebGL2");
    this.canvas = canvas;
    this.gl = gl;
    this.told = told;
    this.painter = new Painter(gl);
    this.camera = new Camera();
    this.wall = new Wall(new Int32Array(0), new Float32Array(0), new Float32Array(0), new Float32Array(0), 1);
    /** @type {Tiles | null} */
    this.tiles = null;
    this.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    /** @type {number | null} */
    this.pointed = null;
    /** @type {number | null} */
    this.chosen = null;
    /** @type {Block[]} */
    this.blocks = [];
    this.colours = { bare: [0, 0, 0], loud: [1, 1, 1] };
    this.waiting = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.recolour();
    this.#listen();
  }

  /**
   * @param {number} run
   * @param {number} frames
   */
  show(run, frames) {
    this.tiles?.dispose();
    this.tiles = new Tiles(this.gl, run, frames, SIDE, () => this.redraw());
  }

  /**
   * @param {Int32Array} ids
   * @param {{x: Float32Array, y: Float32Array, score: Float32Array}} columns
   */
  arrange(ids, { x, y, score }) {
    const { camera } = this;
    this.wall = new Wall(ids, x, y, score, camera.width / Math.max(1, camera.height));
    [camera.columns, camera.rows] = [this.wall.columns, this.wall.rows];
    camera.fit();
    this.look();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), ratio = devicePixelRatio;
    this.canvas.width = Math.max(1, Math.round(box.width * ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * ratio));
    const { camera } = this, whole = camera.scale <= camera.least;
    [camera.width, camera.height] = [Math.max(1, box.width), Math.max(1, box.height)];
    if (whole || camera.scale < camera.least) camera.fit();
    else camera.hold();
    this.look();
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    const of = (/** @type {string} */ name) => [1, 3, 5].map((at) => parseInt(style.getPropertyValue(name).trim().slice(at, at + 2), 16) / 255);
    this.colours = { bare: of("--raised"), loud: of("--loud") };
    this.redraw();
  }

  /** Works out what is in view, and asks for its pictures. */
  look() {
    const { camera, wall } = this, k = camera.level, step = 2 ** k, level = wall.level(k);
    const [left, top] = camera.toWall(0, 0), [right, bottom] = camera.toWall(camera.width, camera.height);
    const first = Math.max(0, Math.floor(left / step)), last = Math.min(level.columns, Math.ceil(right / step));
    this.blocks = [];
    for (let row = Math.max(0, Math.floor(top / step)); row < Math.min(level.rows, Math.ceil(bottom / step)); row++) {
      for (let column = first; column < last; column++) {
        const id = level.cells[row * level.columns + column];
        if (id < 0) continue;
        const [x, y] = camera.toScreen(column * step, row * step);
        this.blocks.push({ id, left: x, top: y, size: step * camera.scale });
      }
    }
    const far = (/** @type {Block} */ block) =>
      Math.hypot(block.left + block.size / 2 - camera.width / 2, block.top + block.size / 2 - camera.height / 2);
    this.tiles?.want([...this.blocks].sort((a, b) => far(a) - far(b)).map((block) => block.id));
    this.told.moved();
    this.redraw();
  }

  /** @param {number} left @param {number} top */
  under(left, top) {
    return this.blocks.find((b) => left >= b.left && left < b.left + b.size && top >= b.top && top < b.top + b.size)?.id ?? null;
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame((now) => {
      this.waiting = false;
      this.#draw(now);
    });
  }

  /** @param {number} now */
  #draw(now) {
    const { tiles, blocks } = this;
    if (!tiles) return;
    const boxes = new Float32Array(blocks.length * 8), cycle = (tiles.frames - 1) / FRAMES_PER_SECOND + HOLD;
    let moving = false;
    blocks.forEach(({ id, left, top, size }, i) => {
      const layer = tiles.layers.get(id) ?? -1, age = layer < 0 ? 0 : now - tiles.since[layer];
      const plays = tiles.frames > 1 && (this.playing || id === this.pointed);
      // Not all in step: a field in which everything begins at once flickers as one.
      const time = (now / 1000 + ((id * 0.618034) % 1) * cycle) % cycle;
      const frame = plays ? Math.min(tiles.frames - 1, time * FRAMES_PER_SECOND) : tiles.frames - 1;
      const ring = id === this.chosen ? 3 : id === this.pointed ? 1.5 : 0, margin = size * GAP / 2;
      boxes.set([left + margin, top + margin, size - 2 * margin, size - 2 * margin, layer, Math.min(1, age / FADE_MS), ring, frame], i * 8);
      moving ||= layer >= 0 && (plays || age < FADE_MS);
    });
    this.painter.paint(boxes, tiles, { ratio: devicePixelRatio, ...this.colours });
    if (moving) this.redraw();
  }

  /** @param {number | null} id */
  point(id) {
    if (id === this.pointed) return;
    this.pointed = id;
    this.canvas.classList.toggle("over", id !== null);
    this.told.point(id);
    this.redraw();
  }

  /** @param {number | null} id */
  choose(id) {
    this.chosen = id;
    this.redraw();
  }

  #listen() {
    const { canvas, camera } = this;
    /** Fingers and buttons that are down. @type {Map<number, {x: number, y: number}>} */
    const held = new Map();
    let travelled = 0;
    const at = (/** @type {PointerEvent | WheelEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const { x, y } = at(event);
      camera.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), x, y);
      this.look();
      this.point(this.under(x, y));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      held.set(event.pointerId, at(event));
      if (held.size === 1) travelled = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId), here = at(event);
      if (!before) return this.point(this.under(here.x, here.y));
      travelled += Math.hypot(here.x - before.x, here.y - before.y);
      const others = [...held].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
      if (others.length) {
        const [still] = others, apart = (/** @type {{x: number, y: number}} */ a) => Math.hypot(a.x - still.x, a.y - still.y);
        camera.zoom(apart(here) / Math.max(1, apart(before)), (here.x + still.x) / 2, (here.y + still.y) / 2);
      } else if (travelled > 4) {
        canvas.classList.add("held");
        camera.pan(here.x - before.x, here.y - before.y);
      }
      held.set(event.pointerId, here);
      this.look();
    });
    const up = (/** @type {PointerEvent} */ event) => {
      const { x, y } = at(event), id = this.under(x, y);
      if (held.size === 1 && travelled <= 4 && event.type === "pointerup" && id !== null) this.told.open(id);
      held.delete(event.pointerId);
      canvas.classList.remove("held");
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Arrows walk from block to block, plus and minus zoom, Enter opens. @param {KeyboardEvent} event */
  #key(event) {
    const { camera } = this, [x, y] = [camera.width / 2, camera.height / 2];
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way) this.#walk(way[0], way[1]);
    else if (event.key === "+" || event.key === "=") camera.zoom(2, x, y);
    else if (event.key === "-") camera.zoom(0.5, x, y);
    else if (event.key === "0") camera.fit();
    else if (event.key === "Enter" && this.pointed !== null) this.told.open(this.pointed);
    else return;
    event.preventDefault();
    this.look();
  }

  /** @param {number} right @param {number} down */
  #walk(right, down) {
    const { camera } = this, step = 2 ** this.camera.level, level = this.wall.level(this.camera.level);
    const place = this.pointed === null ? null : this.wall.places.get(this.pointed);
    let [column, row] = place ? [Math.floor(place[0] / step) + right, Math.floor(place[1] / step) + down]
      : [Math.floor(camera.x / step), Math.floor(camera.y / step)];
    column = Math.min(level.columns - 1, Math.max(0, column));
    row = Math.min(level.rows - 1, Math.max(0, row));
    const id = level.cells[row * level.columns + column];
    if (id < 0) return;
    const [left, top] = camera.toScreen(column * step, row * step), size = step * camera.scale;
    camera.pan(Math.max(0, -left) - Math.max(0, left + size - camera.width), Math.max(0, -top) - Math.max(0, top + size - camera.height));
    this.point(id);
  }
}
