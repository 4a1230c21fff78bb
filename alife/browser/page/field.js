// @ts-check
import { Painter } from "./atlas.js";
import { Camera } from "./camera.js";
import { FlatPainter } from "./flat.js";
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
/** Least time from one question for pictures to the next. */
const ASK_MS = 250;
/** From one drawing of the field to the next: not all machines have a graphics card. */
const LEAST_MS = 28;
/** Where drawings under somebody's hand are farther apart, half as many pixels are drawn along an edge, until it rests. */
const SLOW_MS = 36, SOFT = 0.5, REST_MS = 300;
/** Lifeforms take so long to go to another place. */
const TRAVEL_MS = 450;

export class Field {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{open: (id: number) => void, point: (id: number | null) => void, moved: () => void}} told
   */
  constructor(canvas, told) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false });
    this.canvas = canvas;
    this.told = told;
    /** @type {any} each painter draws from its own kind of shelf */
    this.painter = gl ? new Painter(gl) : new FlatPainter(/** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false })));
    this.camera = new Camera();
    this.wall = new Wall(new Int32Array(0), new Float32Array(0), new Float32Array(0), new Float32Array(0), 1);
    /** @type {Tiles | null} */
    this.tiles = null;
    /** Whether the person at this machine wants little to move. */
    this.calmly = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.playing = !this.calmly;
    /** Whether the field rests because something else lives, in which case only what is pointed at moves. */
    this.calm = false;
    /** When it was drawn last, and whether it is to be drawn at once, under somebody's hand. */
    this.drawn = -Infinity;
    this.urgent = true;
    /** When somebody moved the field last. */
    this.moved = -Infinity;
    /** Whether pictures will be asked for, and when they were asked for last. */
    this.asking = false;
    this.asked = -Infinity;
    /** Pixels drawn per CSS pixel. */
    this.ratio = 1;
    /** @type {number | null} */
    this.pointed = null;
    /** @type {number | null} */
    this.chosen = null;
    /** Relatives of the chosen one. @type {Set<number>} */
    this.kin = new Set();
    /** @type {Block[]} */
    this.blocks = [];
    /** Where they were before they were arranged anew, and when that was. @type {Map<number, Block>} */
    this.before = new Map();
    this.arranged = -Infinity;
    /** @type {{ids: Int32Array, by: {x: Float32Array, y: Float32Array, worth: Float32Array, ranked: boolean}} | null} */
    this.placed = null;
    this.colours = { ground: [0, 0, 0], bare: [0, 0, 0], loud: [1, 1, 1] };
    /** Pixels drawn per pixel of the screen along an edge: fewer where the machine does not keep up. */
    this.sharpness = 1;
    /** Milliseconds from one drawing under somebody's hand to the next, on average. */
    this.pace = LEAST_MS;
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
    this.wall = new Wall(new Int32Array(0), new Float32Array(0), new Float32Array(0), new Float32Array(0), 1);
    [this.blocks, this.placed] = [[], null];
    this.tiles = new Tiles((...size) => this.painter.shelf(...size), run, frames, SIDE, () => this.redraw());
  }

  /**
   * @param {Int32Array} ids
   * @param {{x: Float32Array, y: Float32Array, worth: Float32Array, ranked: boolean}} by
   */
  arrange(ids, by) {
    const { camera } = this, whole = camera.list || camera.scale <= camera.least || !this.wall.length;
    this.point(null);
    this.before = new Map(this.blocks.map((block) => [block.id, block]));
    this.arranged = performance.now();
    this.placed = { ids, by };
    const across = by.ranked ? Math.max(1, Math.floor(camera.width / (1.4 * camera.size))) : null;
    this.wall = new Wall(ids, by.x, by.y, by.worth, camera.width / Math.max(1, camera.height), across);
    [camera.columns, camera.rows, camera.list] = [this.wall.columns, this.wall.rows, by.ranked];
    if (whole || by.ranked) camera.fit();
    else camera.hold();
    this.look();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width) return; // not to be seen now
    this.#sharpen(box.width, box.height);
    const { camera } = this, { width } = camera;
    [camera.width, camera.height] = [box.width, Math.max(1, box.height)];
    if (camera.list && this.placed && width !== camera.width) this.arrange(this.placed.ids, this.placed.by);
    else if (camera.scale < camera.least) camera.fit();
    else camera.hold(); // what was in view stays as large as it was
    if (this.chosen !== null) this.#reveal(this.chosen);
    this.look();
  }

  /** @param {number} width @param {number} height in CSS pixels */
  #sharpen(width, height) {
    this.ratio = devicePixelRatio * this.sharpness;
    const [across, down] = [width, height].map((edge) => Math.max(1, Math.round(edge * this.ratio)));
    if (across !== this.canvas.width) this.canvas.width = across; // each of them makes the drawing anew
    if (down !== this.canvas.height) this.canvas.height = down;
  }

  /**
   * Draws less sharply under a hand that moves faster than this machine draws, and as sharply as ever when it rests.
   * @param {boolean} hand whether somebody moves the field
   * @param {number} now
   */
  #keepUp(hand, now) {
    const spent = now - this.drawn;
    if (hand && spent < REST_MS) this.pace += (spent - this.pace) / 6;
    if (hand) this.moved = now;
    const sharpness = this.pace > SLOW_MS && now - this.moved < REST_MS ? SOFT : 1;
    if (sharpness === this.sharpness) return;
    this.sharpness = sharpness;
    this.#sharpen(this.camera.width, this.camera.height);
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    const of = (/** @type {string} */ name) => [1, 3, 5].map((at) => parseInt(style.getPropertyValue(name).trim().slice(at, at + 2), 16) / 255);
    this.colours = { ground: of("--ground"), bare: of("--raised"), loud: of("--ring") };
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
    this.#want();
    this.told.moved();
    this.urgent = true;
    this.redraw();
  }

  /** Asks for the pictures of what is in view, the middle first; not again and again while it moves. */
  #want() {
    if (this.asking) return;
    const { camera } = this, rest = this.asked + ASK_MS - performance.now();
    if (rest > 0) {
      this.asking = true;
      setTimeout(() => {
        this.asking = false;
        this.#want();
      }, rest);
      return;
    }
    this.asked = performance.now();
    const far = (/** @type {Block} */ block) =>
      (block.left + block.size / 2 - camera.width / 2) ** 2 + (block.top + block.size / 2 - camera.height / 2) ** 2;
    this.tiles?.want([...this.blocks].sort((a, b) => far(a) - far(b)).map((block) => block.id));
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
    if (!this.urgent && now - this.drawn < LEAST_MS) return this.redraw();
    this.#keepUp(this.urgent, now);
    this.urgent = false;
    this.drawn = now;
    const boxes = new Float32Array(blocks.length * 8), cycle = (tiles.frames - 1) / FRAMES_PER_SECOND + HOLD;
    const way = this.calmly ? 1 : Math.min(1, (now - this.arranged) / TRAVEL_MS), gone = 1 - (1 - way) ** 3;
    let moving = way < 1;
    blocks.forEach((block, i) => {
      const { id } = block, from = this.before.get(id) ?? block;
      const between = (/** @type {"left" | "top" | "size"} */ edge) => from[edge] + (block[edge] - from[edge]) * gone;
      const [left, top, size] = [between("left"), between("top"), between("size")];
      const layer = tiles.layers.get(id) ?? -1, age = layer < 0 ? 0 : now - tiles.since[layer];
      const plays = tiles.frames > 1 && ((this.playing && !this.calm) || id === this.pointed);
      // Not all in step: a field in which everything begins at once flickers as one.
      const time = (now / 1000 + ((id * 0.618034) % 1) * cycle) % cycle;
      const frame = plays ? Math.min(tiles.frames - 1, time * FRAMES_PER_SECOND) : tiles.frames - 1;
      const ring = id === this.chosen ? 3 : id === this.pointed || this.kin.has(id) ? 1.5 : 0, margin = size * GAP / 2;
      boxes.set([left + margin, top + margin, size - 2 * margin, size - 2 * margin, layer, Math.min(1, age / FADE_MS), ring, frame], i * 8);
      moving ||= layer >= 0 && (plays || age < FADE_MS);
    });
    this.painter.paint(boxes, tiles.shelf, { ratio: this.ratio, ...this.colours });
    moving ||= this.sharpness < 1;
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
    if (id !== null) this.#reveal(id);
    this.look();
  }

  /** @param {number[]} ids */
  relate(ids) {
    this.kin = new Set(ids);
    this.redraw();
  }

  /** Moves the view as little as it takes to see a lifeform. @param {number} id */
  #reveal(id) {
    const { camera } = this, place = this.wall.places.get(id), step = 2 ** camera.level;
    if (!place) return;
    const [left, top] = camera.toScreen(Math.floor(place[0] / step) * step, Math.floor(place[1] / step) * step), size = step * camera.scale;
    camera.pan(Math.max(0, -left) - Math.max(0, left + size - camera.width), Math.max(0, -top) - Math.max(0, top + size - camera.height));
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
      if (camera.list && !event.ctrlKey) camera.pan(0, -event.deltaY * (event.deltaMode ? 32 : 1));
      else camera.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), x, y);
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
    this.#reveal(id);
    this.point(id);
  }
}
