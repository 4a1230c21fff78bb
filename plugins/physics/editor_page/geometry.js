// @ts-check
/** Points in the frames of shapes; all lengths in metres, angles in radians, y up. */

/** @typedef {{0: number, 1: number}} Pair */
/**
 * @typedef {object} Shape
 * @property {Pair} position @property {number} rotation
 * @property {Pair} velocity @property {number} angular_velocity
 * @property {number} inverse_mass 0: it cannot be moved @property {number} inverse_inertia
 * @property {number} density @property {number} friction @property {number} restitution
 * @property {number} collision_mode @property {boolean} active @property {number} role
 * @property {Record<number, Pair>} vertices @property {number} n_vertices @property {number} radius
 */

/** @param {number} x @param {number} y @returns {Pair} */
export const pair = (x, y) => ({ 0: x, 1: y });

/** @param {number} angle @param {number} x @param {number} y @returns {[number, number]} */
export const turned = (angle, x, y) => [Math.cos(angle) * x - Math.sin(angle) * y, Math.sin(angle) * x + Math.cos(angle) * y];

/** Where a point of a shape lies in the world. @param {Shape} shape @param {Pair} point @returns {[number, number]} */
export const outward = (shape, point) => {
  const [x, y] = turned(shape.rotation, point[0], point[1]);
  return [shape.position[0] + x, shape.position[1] + y];
};

/** Where a point of the world lies on a shape. @param {Shape} shape @param {Pair} point @returns {[number, number]} */
export const inward = (shape, point) => turned(-shape.rotation, point[0] - shape.position[0], point[1] - shape.position[1]);

/** Corners in a shape's own frame; none of a circle. @param {Shape} shape @returns {Pair[]} */
export const corners = (shape) => Array.from({ length: shape.n_vertices }, (_, i) => shape.vertices[i]);

/** Half of its width and height, in its own frame. @param {Shape} shape @returns {[number, number]} */
export function reach(shape) {
  if (!shape.n_vertices) return [shape.radius, shape.radius];
  const half = (/** @type {0 | 1} */ axis) => {
    const along = corners(shape).map((corner) => corner[axis]);
    return (Math.max(...along) - Math.min(...along)) / 2;
  };
  return [half(0), half(1)];
}

/** Whether a point of the world lies within a shape. @param {Shape} shape @param {Pair} point */
export function inside(shape, point) {
  const [x, y] = inward(shape, point);
  if (!shape.n_vertices) return Math.hypot(x, y) <= shape.radius;
  const around = corners(shape);
  return around.every((from, i) => {
    const to = around[(i + 1) % around.length];
    return (to[0] - from[0]) * (y - from[1]) - (to[1] - from[1]) * (x - from[0]) <= 0; // clockwise: inside is to the right
  });
}

/** Whether corners run clockwise around a convex shape. @param {Pair[]} around */
export const convex = (around) => around.every((before, i) => {
  const at = around[(i + 1) % around.length], after = around[(i + 2) % around.length];
  return (at[0] - before[0]) * (after[1] - at[1]) - (at[1] - before[1]) * (after[0] - at[0]) < -1e-6;
});
