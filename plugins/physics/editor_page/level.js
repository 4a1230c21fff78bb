// @ts-check
import { corners, inside, inward, outward, pair, turned } from "./geometry.js";

/** A level as its file holds it, and what can be done to it; nothing here knows of a page. */

/** @typedef {import("./geometry.js").Pair} Pair */
/** @typedef {import("./geometry.js").Shape} Shape */
/**
 * @typedef {object} Joint
 * @property {number} a_index @property {number} b_index
 * @property {Pair} a_relative_pos @property {Pair} b_relative_pos
 * @property {boolean} active @property {boolean} is_fixed_joint @property {number} rotation
 * @property {boolean} motor_on @property {number} motor_speed @property {number} motor_power
 * @property {boolean} motor_has_joint_limits @property {number} min_rotation @property {number} max_rotation
 * @property {number} motor_binding @property {boolean} motor_auto
 */
/**
 * @typedef {object} Thruster
 * @property {number} object_index @property {Pair} relative_position @property {number} rotation
 * @property {number} power @property {boolean} active @property {number} thruster_binding
 */
/** @typedef {{polygon: Shape[], circle: Shape[], joint: Joint[], thruster: Thruster[], gravity: Pair}} Level */
/** Something of a level: shapes are numbered polygons first. @typedef {{kind: "shape" | "joint" | "thruster", at: number}} Part */

/** Floor, two walls and ceiling: the first polygons of every level. */
export const WALLS = 4;
export const SIDE = 5;
const SMALLEST = 0.05;

/** @param {Level} level @param {number} i */
export const shapeOf = (level, i) => (i < level.polygon.length ? level.polygon[i] : level.circle[i - level.polygon.length]);

/** @param {Level} level @returns {number[]} shapes that are there, from the back to the front */
export const shapes = (level) => [...level.polygon, ...level.circle].flatMap((shape, i) => (shape.active ? [i] : []));

/** @param {Level} level @param {Part | null} part @returns {Shape | Joint | Thruster | null} */
export function found(level, part) {
  if (!part) return null;
  const one = part.kind === "shape" ? shapeOf(level, part.at) : level[part.kind][part.at];
  return one?.active ? one : null;
}

/** Where a joint or thruster is. @param {Level} level @param {Part} part @returns {[number, number]} */
export function placeOf(level, part) {
  if (part.kind === "joint") return outward(shapeOf(level, level.joint[part.at].a_index), level.joint[part.at].a_relative_pos);
  if (part.kind === "thruster") return outward(shapeOf(level, level.thruster[part.at].object_index), level.thruster[part.at].relative_position);
  const { position } = shapeOf(level, part.at);
  return [position[0], position[1]];
}

/** Shapes under a point, the front one first. @param {Level} level @param {Pair} point */
export const under = (level, point) => shapes(level).filter((i) => inside(shapeOf(level, i), point)).reverse();

/** What a person means who points: joints and thrusters lie in front. @param {Level} level @param {Pair} point @param {number} slack metres @returns {Part | null} */
export function meant(level, point, slack) {
  for (const kind of /** @type {const} */ (["joint", "thruster"])) {
    for (let at = level[kind].length - 1; at >= 0; at--) {
      if (!level[kind][at].active) continue;
      const [x, y] = placeOf(level, { kind, at });
      if (Math.hypot(x - point[0], y - point[1]) <= slack) return { kind, at };
    }
  }
  const i = under(level, point).find((shape) => shape >= WALLS);
  return i === undefined ? null : { kind: "shape", at: i };
}

/** Shapes that hang together with one, itself included; never a wall. @param {Level} level @param {number} i */
export function group(level, i) {
  const together = new Set([i]);
  for (let before = 0; before < together.size;) {
    before = together.size;
    for (const { active, a_index, b_index } of level.joint) {
      if (active && a_index >= WALLS && b_index >= WALLS && together.has(a_index) !== together.has(b_index)) together.add(a_index).add(b_index);
    }
  }
  return together;
}

/**
 * The first free slot; a sentence to throw where there is none.
 * @template {{active: boolean}} T
 * @param {T[]} slots @param {string} what
 */
function free(slots, what) {
  const at = slots.findIndex((slot) => !slot.active);
  if (at < 0) throw new Error(`there is room for ${slots.length} ${what}: choose a larger size`);
  return at;
}

/** @returns {Omit<Shape, "position" | "n_vertices" | "vertices" | "radius">} */
const fresh = () => ({
  rotation: 0, velocity: pair(0, 0), angular_velocity: 0, inverse_mass: 1, inverse_inertia: 1, density: 1, friction: 1,
  restitution: 0, collision_mode: 1, active: true, role: 0,
});

/** @param {Level} level @param {Pair} position @param {Pair[]} around clockwise @returns {Part} */
export function addPolygon(level, position, around) {
  const at = free(level.polygon, "polygons"), vertices = Object.fromEntries([0, 1, 2, 3].map((i) => [i, around[i] ?? pair(0, 0)]));
  level.polygon[at] = { ...fresh(), position, vertices, n_vertices: around.length, radius: 0 };
  return { kind: "shape", at };
}

/** @param {Level} level @param {Pair} position @param {number} radius @returns {Part} */
export function addCircle(level, position, radius) {
  const at = free(level.circle, "circles"), vertices = Object.fromEntries([0, 1, 2, 3].map((i) => [i, pair(0, 0)]));
  level.circle[at] = { ...fresh(), position, vertices, n_vertices: 0, radius: Math.max(SMALLEST, radius) };
  return { kind: "shape", at: level.polygon.length + at };
}

/** Joins the two shapes in front at a point; the second is what turns. @param {Level} level @param {Pair} point @param {boolean} fixed @returns {Part} */
export function addJoint(level, point, fixed) {
  const [front, back] = under(level, point);
  if (back === undefined) throw new Error("a joint holds two shapes together: click where they lie over each other");
  const at = free(level.joint, "joints"), [a, b] = [shapeOf(level, back), shapeOf(level, front)];
  level.joint[at] = {
    a_index: back, b_index: front, a_relative_pos: pair(...inward(a, point)), b_relative_pos: pair(...inward(b, point)),
    active: true, is_fixed_joint: fixed, rotation: b.rotation - a.rotation, motor_on: !fixed, motor_speed: 1, motor_power: 1,
    motor_has_joint_limits: false, min_rotation: -Math.PI / 4, max_rotation: Math.PI / 4, motor_binding: 0, motor_auto: false,
  };
  return { kind: "joint", at };
}

/** @param {Level} level @param {Pair} point @param {number} angle of its push @returns {Part} */
export function addThruster(level, point, angle) {
  const i = under(level, point).find((shape) => shape >= WALLS);
  if (i === undefined) throw new Error("a thruster sits on a shape: press on one, and draw the way of its push");
  const at = free(level.thruster, "thrusters"), shape = shapeOf(level, i);
  level.thruster[at] = { object_index: i, relative_position: pair(...inward(shape, point)), rotation: angle - shape.rotation, power: 2, active: true, thruster_binding: 0 };
  return { kind: "thruster", at };
}

/** With all that hangs on it. @param {Level} level @param {Part} part */
export function remove(level, part) {
  const one = found(level, part);
  if (one) one.active = false;
  if (part.kind !== "shape") return;
  for (const joint of level.joint) if (joint.a_index === part.at || joint.b_index === part.at) joint.active = false;
  for (const thruster of level.thruster) if (thruster.object_index === part.at) thruster.active = false;
}

/** A copy of a shape, beside it. @param {Level} level @param {number} i @returns {Part} */
export function copy(level, i) {
  const shape = shapeOf(level, i), beside = pair(shape.position[0] + 0.2, shape.position[1] + 0.2);
  const part = shape.n_vertices ? addPolygon(level, beside, corners(shape)) : addCircle(level, beside, shape.radius);
  const { rotation, inverse_mass, inverse_inertia, density, friction, restitution, collision_mode, role } = shape;
  Object.assign(shapeOf(level, part.at), { rotation, inverse_mass, inverse_inertia, density, friction, restitution, collision_mode, role });
  return part;
}

/** @param {Level} level @param {Iterable<number>} which @param {number} right @param {number} up */
export function move(level, which, right, up) {
  for (const i of which) {
    const shape = shapeOf(level, i);
    shape.position = pair(shape.position[0] + right, shape.position[1] + up);
  }
}

/** Changes a shape so that its joints stay where they are in the world. @param {Level} level @param {number} i @param {(shape: Shape) => void} change */
export function held(level, i, change) {
  const shape = shapeOf(level, i), ends = level.joint.flatMap((joint) => [
    ...(joint.active && joint.a_index === i ? [{ joint, end: /** @type {const} */ ("a_relative_pos") }] : []),
    ...(joint.active && joint.b_index === i ? [{ joint, end: /** @type {const} */ ("b_relative_pos") }] : []),
  ]).map(({ joint, end }) => ({ joint, end, at: outward(shape, joint[end]) }));
  change(shape);
  for (const { joint, end, at } of ends) joint[end] = pair(...inward(shape, pair(...at)));
}

/** Turns a shape to an angle; what its joints count as 0 turns along. @param {Level} level @param {number} i @param {number} angle */
export function rotate(level, i, angle) {
  const by = angle - shapeOf(level, i).rotation;
  held(level, i, (shape) => { shape.rotation = angle; });
  for (const joint of level.joint) joint.rotation += joint.b_index === i ? by : joint.a_index === i ? -by : 0;
}

/** Makes a shape larger or smaller around a point of it that stays; its thrusters move along. @param {Level} level @param {number} i @param {Pair} still in its own frame @param {Pair} times */
export function resize(level, i, still, times) {
  held(level, i, (shape) => {
    const wide = shape.n_vertices ? times[0] : Math.max(times[0], times[1]), high = shape.n_vertices ? times[1] : wide;
    const [right, up] = turned(shape.rotation, still[0] * (1 - wide), still[1] * (1 - high));
    shape.position = pair(shape.position[0] + right, shape.position[1] + up);
    for (const [k, corner] of Object.entries(shape.vertices)) shape.vertices[Number(k)] = pair(corner[0] * wide, corner[1] * high);
    shape.radius *= wide;
    for (const thruster of level.thruster) {
      if (thruster.object_index === i) thruster.relative_position = pair(thruster.relative_position[0] * wide, thruster.relative_position[1] * high);
    }
  });
}

/** @param {Shape} shape @param {boolean} fixed */
export function fix(shape, fixed) {
  shape.inverse_mass = shape.inverse_inertia = fixed ? 0 : 1; // of what moves they are computed when it is read
}
