// @ts-check
import { handles } from "./drawing.js";
import { convex, corners, inward, outward, pair } from "./geometry.js";
import { addCircle, addJoint, addPolygon, addThruster, group, held, meant, move, resize, rotate, shapeOf, under } from "./level.js";

/** What a hand does on the canvas: each tool is given the point where it is pressed, and says what dragging does. */

/** @typedef {import("./geometry.js").Pair} Pair */
/** @typedef {import("./level.js").Level} Level */
/** @typedef {import("./level.js").Part} Part */
/** What is chosen after it. @typedef {(level: Level, to: Pair, event: MouseEvent) => Part | null} Deed */
/**
 * `drag`: what the level becomes, from what it was when the tool was pressed, for every place of the hand;
 * `drop`: what it becomes when it is let go; `draft`: the outline of what is to be.
 * @typedef {{drag?: Deed, drop?: Deed, draft?: (to: Pair) => [number, number][]}} Use
 */
/** @typedef {{name: string, key: string, hint: string, press: (level: Level, from: Pair, chosen: Part | null, pixel: number) => Use}} Tool */

const SMALLEST = 0.05, SLACK = 9, TAP = 6;
const BOX = 0.3, BALL = 0.25;

/** Corners of a box from one point to another; where both are one, of a box of some size. @param {Pair} a @param {Pair} b @param {boolean} tap */
function span(a, b, tap) {
  const [left, right] = tap ? [a[0] - BOX, a[0] + BOX] : [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
  const [low, high] = tap ? [a[1] - BOX / 2, a[1] + BOX / 2] : [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
  const grown = (/** @type {number} */ from, /** @type {number} */ to) => Math.max(to, from + SMALLEST);
  return { left, right: grown(left, right), low, high: grown(low, high) };
}

/** @param {Pair} a @param {Pair} b */
const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/**
 * A tool that draws a polygon from one corner to the other.
 * @param {(box: {left: number, right: number, low: number, high: number}) => Pair[]} around clockwise, in the world
 * @returns {Tool["press"]}
 */
const drawn = (around) => (_level, from, _chosen, pixel) => {
  const all = (/** @type {Pair} */ to) => around(span(from, to, apart(from, to) < TAP * pixel));
  return {
    draft: (to) => all(to).map((corner) => [corner[0], corner[1]]),
    drop: (level, to) => {
      const points = all(to), mean = (/** @type {0 | 1} */ axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
      const [x, y] = [mean(0), mean(1)];
      return addPolygon(level, pair(x, y), points.map((point) => pair(point[0] - x, point[1] - y)));
    },
  };
};

/** @param {boolean} fixed @returns {Tool["press"]} */
const joining = (fixed) => (_level, from) => ({ drop: (level) => addJoint(level, from, fixed) });

/** @type {Tool["press"]} */
function ball(_level, from, _chosen, pixel) {
  const radius = (/** @type {Pair} */ to) => (apart(from, to) < TAP * pixel ? BALL : apart(from, to));
  return {
    draft: (to) => Array.from({ length: 48 }, (_, i) => [from[0] + radius(to) * Math.cos(i / 7.64), from[1] + radius(to) * Math.sin(i / 7.64)]),
    drop: (level, to) => addCircle(level, from, radius(to)),
  };
}

/** @type {Tool["press"]} */
function thruster(level, from, _chosen, pixel) {
  const i = under(level, from)[0], centre = i === undefined ? from : shapeOf(level, i).position;
  const way = (/** @type {Pair} */ to) => (apart(from, to) < TAP * pixel ? Math.atan2(centre[1] - from[1], centre[0] - from[0]) : Math.atan2(to[1] - from[1], to[0] - from[0]));
  return { draft: (to) => [[from[0], from[1]], [to[0], to[1]]], drop: (now, to) => addThruster(now, from, way(to)) };
}

/** @type {Tool["press"]} */
function select(level, from, chosen, pixel) {
  if (chosen?.kind === "shape") {
    const shape = shapeOf(level, chosen.at), { sizing, own, rotating } = handles(shape, pixel);
    if (apart(pair(...rotating), from) < SLACK * pixel) return turning(level, chosen);
    const corner = sizing.findIndex((place) => apart(pair(...place), from) < SLACK * pixel);
    if (corner >= 0) return sizingBy(chosen, own[corner], own[(corner + 2) % 4]);
  }
  const part = meant(level, from, SLACK * pixel);
  return { drag: (now, to, event) => part && dragged(now, part, to[0] - from[0], to[1] - from[1], from, to, event.altKey), drop: () => part };
}

/** @param {Level} level @param {Part} part @param {number} right @param {number} up @param {Pair} from @param {Pair} to @param {boolean} alone @returns {Part} */
function dragged(level, part, right, up, from, to, alone) {
  if (part.kind === "joint") {
    const joint = level.joint[part.at];
    for (const [end, i] of /** @type {const} */ ([["a_relative_pos", joint.a_index], ["b_relative_pos", joint.b_index]])) joint[end] = pair(...inward(shapeOf(level, i), to));
  } else if (part.kind === "thruster") {
    const one = level.thruster[part.at];
    one.relative_position = pair(...inward(shapeOf(level, one.object_index), to));
  } else if (alone) {
    const shape = shapeOf(level, part.at), all = corners(shape), near = all.map((corner) => apart(pair(...outward(shape, corner)), from));
    const k = near.indexOf(Math.min(...near)), moved = all.map((corner, at) => (at === k ? pair(...inward(shape, to)) : corner));
    if (all.length && convex(moved)) held(level, part.at, (one) => { one.vertices[k] = moved[k]; });
  } else move(level, group(level, part.at), right, up);
  return part;
}

/** @param {Level} level @param {Part} part @returns {Use} */
function turning(level, part) {
  const shape = shapeOf(level, part.at), [x, y] = handles(shape, 1 / 1e3).rotating, own = Math.atan2(y - shape.position[1], x - shape.position[0]) - shape.rotation;
  const drag = (/** @type {Level} */ now, /** @type {Pair} */ to, /** @type {MouseEvent} */ event) => {
    const angle = Math.atan2(to[1] - shape.position[1], to[0] - shape.position[0]) - own, step = Math.PI / 12;
    rotate(now, part.at, event.shiftKey ? Math.round(angle / step) * step : angle);
    return part;
  };
  return { drag, drop: drag };
}

/** @param {Part} part @param {Pair} corner @param {Pair} still @returns {Use} */
function sizingBy(part, corner, still) {
  const drag = (/** @type {Level} */ level, /** @type {Pair} */ to) => {
    const now = inward(shapeOf(level, part.at), to), times = (/** @type {0 | 1} */ axis) => {
      const whole = corner[axis] - still[axis];
      return Math.max((now[axis] - still[axis]) / whole, SMALLEST / Math.abs(whole));
    };
    resize(level, part.at, still, pair(times(0), times(1)));
    return part;
  };
  return { drag, drop: drag };
}

/** @type {Tool[]} */
export const TOOLS = [
  { name: "Select", key: "v", hint: "Drag to move what hangs together; handles size and turn (Shift: in steps); Alt drags one corner.", press: select },
  { name: "Box", key: "b", hint: "Drag from corner to corner.", press: drawn(({ left, right, low, high }) => [pair(left, high), pair(right, high), pair(right, low), pair(left, low)]) },
  { name: "Triangle", key: "t", hint: "Drag from corner to corner of its box.", press: drawn(({ left, right, low, high }) => [pair((left + right) / 2, high), pair(right, low), pair(left, low)]) },
  { name: "Ball", key: "c", hint: "Press in the middle, drag to the rim.", press: ball },
  { name: "Hinge", key: "h", hint: "Click where two shapes lie over each other: they will turn there, by a motor.", press: joining(false) },
  { name: "Weld", key: "w", hint: "Click where two shapes lie over each other: they will be one.", press: joining(true) },
  { name: "Thruster", key: "r", hint: "Press on a shape, and draw the way of its push.", press: thruster },
];
