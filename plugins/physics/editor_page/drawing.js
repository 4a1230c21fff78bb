// @ts-check
import { corners, outward, pair, reach } from "./geometry.js";
import { placeOf, shapeOf, shapes, SIDE, WALLS } from "./level.js";

/** How a level looks: as the pictures of its worlds do, on a canvas. */

/** @typedef {import("./level.js").Level} Level */
/** @typedef {import("./level.js").Part} Part */
/** @typedef {import("./geometry.js").Shape} Shape */

const EDGE = 0.02, DOT = 0.055, NOZZLE = 0.11, BLAZE = 2.2;
/** Of handles and of what is chosen, pixels of the screen. */
export const GRIP = 6, AWAY = 26;
const CHOSEN = "#d9480f", DRAFT = "#1c7ed6";

/** A canvas as the arena: metres, y up. */
export class Drawing {
  /** @param {HTMLCanvasElement} canvas @param {import("./server.js").Colours} colours */
  constructor(canvas, colours) {
    this.canvas = canvas;
    this.colours = colours;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  }

  /** Metres in a pixel of the screen. */
  get pixel() { return SIDE / this.canvas.clientWidth; }

  /** Where a pointer is. @param {MouseEvent} event */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return pair((event.clientX - box.left) * this.pixel, SIDE - (event.clientY - box.top) * this.pixel);
  }

  /**
   * @param {Level} level
   * @param {{chosen?: Part | null, draft?: [number, number][] | null, told?: number[] | null}} more told: while it is played
   */
  draw(level, { chosen = null, draft = null, told = null }) {
    const { canvas, pen } = this, side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    pen.setTransform(side / SIDE, 0, 0, -side / SIDE, 0, side);
    pen.fillStyle = this.colours.sky;
    pen.fillRect(0, 0, SIDE, SIDE);
    level.thruster.forEach((thruster, at) => { if (thruster.active) this.#thruster(level, at, told?.[4 + thruster.thruster_binding] ?? 0); });
    for (const i of shapes(level)) this.#shape(shapeOf(level, i), i >= WALLS);
    if (!told) level.thruster.forEach((thruster, at) => { if (thruster.active) this.#dot(placeOf(level, { kind: "thruster", at }), DOT / 2, this.colours.flame); });
    level.joint.forEach((joint, at) => { if (joint.active) this.#joint(level, at); });
    if (draft) this.#outline(draft, DRAFT);
    if (chosen) this.#chosen(level, chosen);
  }

  /** @param {Shape} shape @param {boolean} edge */
  #shape(shape, edge) {
    const { pen } = this;
    pen.beginPath();
    if (shape.n_vertices) for (const corner of corners(shape)) pen.lineTo(...outward(shape, corner));
    else pen.arc(shape.position[0], shape.position[1], shape.radius, 0, 7);
    pen.closePath();
    pen.fillStyle = this.colours[shape.inverse_mass ? "roles" : "fixed"][shape.role];
    pen.fill();
    if (!edge) return;
    pen.save();
    pen.clip(); // an edge lies within the shape
    pen.lineWidth = 2 * EDGE;
    pen.strokeStyle = "#000";
    pen.stroke();
    pen.restore();
    if (!shape.n_vertices) this.#line([[shape.position[0], shape.position[1]], outward(shape, pair(shape.radius, 0))], EDGE, "#000");
  }

  /** @param {Level} level @param {number} at */
  #joint(level, at) {
    const joint = level.joint[at], driven = joint.motor_on && !joint.is_fixed_joint;
    this.#dot(placeOf(level, { kind: "joint", at }), DOT, driven ? this.colours.bindings[joint.motor_binding] : this.colours.loose);
  }

  /** @param {[number, number]} at @param {number} radius @param {string} colour */
  #dot([x, y], radius, colour) {
    const { pen } = this;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 7);
    pen.fillStyle = colour;
    pen.fill();
    pen.lineWidth = EDGE;
    pen.strokeStyle = "#000";
    pen.stroke();
  }

  /** @param {Level} level @param {number} at @param {number} told */
  #thruster(level, at, told) {
    const { pen } = this, thruster = level.thruster[at], shape = shapeOf(level, thruster.object_index);
    pen.save();
    pen.translate(...placeOf(level, { kind: "thruster", at }));
    pen.rotate(shape.rotation + thruster.rotation);
    const wedge = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ wide, /** @type {number} */ narrow, /** @type {string} */ colour) => {
      pen.beginPath();
      for (const [x, y] of [[-from, wide], [-to, narrow], [-to, -narrow], [-from, -wide]]) pen.lineTo(x, y);
      pen.fillStyle = colour;
      pen.fill();
    };
    if (told > 0.05) {
      wedge(0.8 * NOZZLE, NOZZLE * (1 + BLAZE * told), 0.055, 0, this.colours.flame);
      wedge(0.8 * NOZZLE, NOZZLE * (1 + 0.55 * BLAZE * told), 0.03, 0, this.colours.core);
    }
    wedge(0, NOZZLE, 0.03, 0.07, "#000");
    wedge(0.01, NOZZLE - 0.01, 0.022, 0.058, this.colours.nozzles[thruster.thruster_binding]);
    pen.restore();
  }

  /** @param {Level} level @param {Part} part */
  #chosen(level, part) {
    const { pen, pixel } = this;
    if (part.kind !== "shape") {
      const [x, y] = placeOf(level, part);
      if (part.kind === "thruster") {
        const { rotation, object_index } = level.thruster[part.at], angle = rotation + shapeOf(level, object_index).rotation;
        this.#line([[x, y], [x + Math.cos(angle) * 2 * AWAY * pixel, y + Math.sin(angle) * 2 * AWAY * pixel]], 2 * pixel, CHOSEN);
      }
      pen.beginPath();
      pen.arc(x, y, DOT + 4 * pixel, 0, 7);
      pen.lineWidth = 2 * pixel;
      pen.strokeStyle = CHOSEN;
      return pen.stroke();
    }
    const shape = shapeOf(level, part.at), { rotating, sizing } = handles(shape, pixel);
    this.#outline(sizing, CHOSEN);
    this.#line([[shape.position[0], shape.position[1]], rotating], pixel, CHOSEN);
    pen.fillStyle = "#fff";
    for (const [x, y] of [...sizing, rotating]) {
      pen.beginPath();
      pen.arc(x, y, GRIP * pixel, 0, 7);
      pen.fill();
      pen.stroke();
    }
  }

  /** @param {[number, number][]} around @param {string} colour */
  #outline(around, colour) {
    this.#line([...around, around[0]], 2 * this.pixel, colour);
  }

  /** @param {[number, number][]} points @param {number} width @param {string} colour */
  #line(points, width, colour) {
    const { pen } = this;
    pen.beginPath();
    for (const point of points) pen.lineTo(...point);
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.stroke();
  }
}

/** Where a shape is gripped: to size it at the corners of its box, to turn it above. @param {Shape} shape @param {number} pixel metres */
export function handles(shape, pixel) {
  const [x, y] = reach(shape), around = corners(shape), middle = (/** @type {0 | 1} */ axis) => {
    const along = around.map((corner) => corner[axis]);
    return around.length ? (Math.max(...along) + Math.min(...along)) / 2 : 0;
  };
  const [right, up] = [middle(0), middle(1)];
  const signs = [[-1, 1], [1, 1], [1, -1], [-1, -1]], own = signs.map(([across, along]) => pair(right + across * x, up + along * y));
  return {
    /** In the world, and in its own frame. */
    sizing: own.map((point) => outward(shape, point)), own,
    rotating: outward(shape, pair(right, up + y + AWAY * pixel)),
  };
}
