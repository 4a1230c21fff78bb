// @ts-check
import { button, make } from "./dom.js";
import { reach } from "./geometry.js";
import { copy, fix, found, held, placeOf, remove, resize, rotate, shapeOf, shapes, WALLS } from "./level.js";

/** The numbers of what is chosen, or of the whole level. */

/** @typedef {import("./level.js").Level} Level */
/** @typedef {import("./level.js").Part} Part */
/**
 * What the panel asks of the page.
 * @typedef {object} Bench
 * @property {Level} level
 * @property {Part | null} chosen
 * @property {import("./server.js").About} about
 * @property {(deed: (level: Level) => Part | null | void) => void} change
 * @property {(part: Part | null) => void} choose
 * @property {(size: string) => void} enlarge
 */

const ROLES = ["neutral", "green: to touch blue", "blue: the goal", "red: never touched by green"];
const MODES = ["ghost", "normal", "touches all"];
const DEGREE = Math.PI / 180;

/** @param {Bench} bench @param {HTMLElement} place */
export function showPanel(bench, place) {
  const { level, chosen } = bench, one = found(level, chosen);
  place.replaceChildren(...(!chosen || !one ? ofLevel(bench) : chosen.kind === "shape" ? ofShape(bench, chosen) : chosen.kind === "joint" ? ofJoint(bench, chosen) : ofThruster(bench, chosen)));
}

/** @param {string} said @param {HTMLElement} field */
const row = (said, field) => make("label", { class: "row" }, said, field);

/**
 * A number to be set; `set` is given it in the field's own unit.
 * @param {Bench} bench @param {string} said @param {number} value @param {(level: Level, value: number) => void} set
 * @param {{low?: number, high?: number, step?: number}} [range]
 */
function number(bench, said, value, set, { low = -1000, high = 1000, step = 0.05 } = {}) {
  const field = make("input", { type: "number", min: String(low), max: String(high), step: String(step), "data-focus": said });
  field.value = String(Number(value.toFixed(3)));
  field.addEventListener("change", () => {
    const now = Number(field.value);
    if (field.value === "" || !Number.isFinite(now)) return void (field.value = String(value));
    bench.change((level) => set(level, Math.min(high, Math.max(low, now))));
  });
  return row(said, field);
}

/** @param {Bench} bench @param {string} said @param {string[]} words @param {number} value @param {(level: Level, value: number) => void} set */
function choice(bench, said, words, value, set) {
  const field = make("select", { "data-focus": said }, ...words.map((word, i) => make("option", { value: String(i) }, word)));
  field.value = String(value);
  field.addEventListener("change", () => bench.change((level) => set(level, Number(field.value))));
  return row(said, field);
}

/** @param {Bench} bench @param {string} said @param {boolean} value @param {(level: Level, value: boolean) => void} set */
function tick(bench, said, value, set) {
  const field = make("input", { type: "checkbox", "data-focus": said });
  field.checked = value;
  field.addEventListener("change", () => bench.change((level) => set(level, field.checked)));
  return row(said, field);
}

/** @param {Bench} bench @param {Part} part @param {boolean} copied */
const ends = (bench, part, copied) => make("div", { class: "row" },
  copied ? button("Duplicate", () => bench.change((level) => copy(level, part.at)), { id: "copy" }) : null,
  button("Delete", () => bench.change((level) => (remove(level, part), null)), { id: "delete" }));

/** @param {Level} level @param {Part} part */
function named(level, part) {
  if (part.kind === "joint") return level.joint[part.at].is_fixed_joint ? `weld ${part.at}` : `hinge ${part.at}`;
  if (part.kind === "thruster") return `thruster ${part.at}`;
  const { n_vertices } = shapeOf(level, part.at);
  return `${n_vertices === 3 ? "triangle" : n_vertices ? "box" : "ball"} ${part.at}`;
}

/** @param {Bench} bench */
function ofLevel(bench) {
  const { level, about } = bench, room = { polygons: level.polygon, circles: level.circle, joints: level.joint, thrusters: level.thruster };
  const size = Object.keys(about.sizes).find((name) => Object.entries(about.sizes[name]).every(([kind, count]) => room[/** @type {keyof typeof room} */ (kind)].length === count)) ?? "its own";
  const sizes = make("select", { id: "size" }, ...[...new Set([size, ...Object.keys(about.sizes)])].map((name) => make("option", {}, name)));
  sizes.value = size;
  sizes.addEventListener("change", () => bench.enlarge(sizes.value));
  /** @type {Part[]} */
  const parts = [
    ...shapes(level).filter((i) => i >= WALLS).map((at) => ({ kind: /** @type {const} */ ("shape"), at })),
    ...level.joint.flatMap(({ active }, at) => (active ? [{ kind: /** @type {const} */ ("joint"), at }] : [])),
    ...level.thruster.flatMap(({ active }, at) => (active ? [{ kind: /** @type {const} */ ("thruster"), at }] : [])),
  ];
  return [
    make("h2", {}, "The level"),
    number(bench, "Gravity, m/s²", -level.gravity[1], (now, value) => { now.gravity[1] = -value; }, { step: 0.1, low: -30, high: 30 }),
    choice(bench, "Floor", ROLES, level.polygon[0].role, (now, value) => { now.polygon[0].role = value; }),
    row("Room", sizes),
    ...Object.entries(room).map(([kind, slots]) => {
      const walls = kind === "polygons" ? WALLS : 0;
      return make("p", { class: "same" }, `${slots.filter(({ active }) => active).length - walls} of ${slots.length - walls} ${kind}`);
    }),
    make("h3", {}, parts.length ? "What is in it" : "Nothing is in it yet: choose a box or a ball, and draw"),
    make("ol", {}, ...parts.map((part) => {
      const shown = part.kind === "shape" ? about.colours[shapeOf(level, part.at).inverse_mass ? "roles" : "fixed"][shapeOf(level, part.at).role]
        : part.kind === "joint" ? about.colours.bindings[level.joint[part.at].motor_binding] : about.colours.flame;
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = shown;
      const line = button(named(level, part), () => bench.choose(part));
      line.prepend(swatch);
      return make("li", {}, line);
    })),
  ];
}

/** @param {Bench} bench @param {Part} part */
function ofShape(bench, part) {
  const { level } = bench, i = part.at, shape = shapeOf(level, i), [wide, high] = reach(shape);
  const one = (/** @type {Level} */ now) => shapeOf(now, i);
  const size = (/** @type {0 | 1} */ axis) => (/** @type {Level} */ now, /** @type {number} */ value) => {
    const times = value / (2 * reach(one(now))[axis]);
    resize(now, i, { 0: 0, 1: 0 }, one(now).n_vertices ? { 0: axis ? 1 : times, 1: axis ? times : 1 } : { 0: times, 1: times });
  };
  const place = (/** @type {0 | 1} */ axis) => (/** @type {Level} */ now, /** @type {number} */ value) => held(now, i, (it) => { it.position[axis] = value; });
  return [
    make("h2", {}, named(level, part)),
    choice(bench, "Role", ROLES, shape.role, (now, value) => { one(now).role = value; }),
    tick(bench, "Fixed in its place", !shape.inverse_mass, (now, value) => fix(one(now), value)),
    number(bench, "Right, m", shape.position[0], place(0)),
    number(bench, "Up, m", shape.position[1], place(1)),
    number(bench, "Turned, °", shape.rotation / DEGREE, (now, value) => rotate(now, i, value * DEGREE), { step: 5 }),
    ...(shape.n_vertices ? [number(bench, "Width, m", 2 * wide, size(0), { low: 0.05, high: 5 }), number(bench, "Height, m", 2 * high, size(1), { low: 0.05, high: 5 })]
      : [number(bench, "Radius, m", wide, (now, value) => size(0)(now, 2 * value), { low: 0.05, high: 2.5 })]),
    number(bench, "Density, kg/m²", shape.density, (now, value) => { one(now).density = value; }, { low: 0.01, high: 100, step: 0.1 }),
    number(bench, "Friction", shape.friction, (now, value) => { one(now).friction = value; }, { low: 0, high: 10, step: 0.1 }),
    number(bench, "Bounce", shape.restitution, (now, value) => { one(now).restitution = value; }, { low: 0, high: 1 }),
    choice(bench, "Touches", MODES, shape.collision_mode, (now, value) => { one(now).collision_mode = value; }),
    ends(bench, part, true),
    make("p", { class: "same" }, "Shapes that are joined never touch each other."),
  ];
}

/** @param {Bench} bench @param {Part} part */
function ofJoint(bench, part) {
  const { level } = bench, joint = level.joint[part.at], one = (/** @type {Level} */ now) => now.joint[part.at];
  const [x, y] = placeOf(level, part), hinge = !joint.is_fixed_joint;
  const motor = hinge && joint.motor_on, limited = hinge && joint.motor_has_joint_limits;
  return [
    make("h2", {}, named(level, part)),
    make("p", { class: "same" }, `holds ${named(level, { kind: "shape", at: joint.a_index })} and ${named(level, { kind: "shape", at: joint.b_index })} at ${x.toFixed(2)}, ${y.toFixed(2)} m`),
    choice(bench, "Kind", ["hinge", "weld"], Number(joint.is_fixed_joint), (now, value) => { one(now).is_fixed_joint = value === 1; }),
    hinge ? tick(bench, "Motor", joint.motor_on, (now, value) => { one(now).motor_on = value; }) : null,
    motor ? choice(bench, "Channel", ["1", "2", "3", "4"], joint.motor_binding, (now, value) => { one(now).motor_binding = value; }) : null,
    motor ? tick(bench, "Always runs forward", joint.motor_auto, (now, value) => { one(now).motor_auto = value; }) : null,
    motor ? number(bench, "Speed, × 6 rad/s", joint.motor_speed, (now, value) => { one(now).motor_speed = value; }, { low: -10, high: 10, step: 0.1 }) : null,
    motor ? number(bench, "Power", joint.motor_power, (now, value) => { one(now).motor_power = value; }, { low: 0, high: 10, step: 0.1 }) : null,
    hinge ? tick(bench, "Limits", joint.motor_has_joint_limits, (now, value) => { one(now).motor_has_joint_limits = value; }) : null,
    limited ? number(bench, "From, °", joint.min_rotation / DEGREE, (now, value) => { one(now).min_rotation = value * DEGREE; }, { low: -360, high: 0, step: 5 }) : null,
    limited ? number(bench, "To, °", joint.max_rotation / DEGREE, (now, value) => { one(now).max_rotation = value * DEGREE; }, { low: 0, high: 360, step: 5 }) : null,
    ends(bench, part, false),
  ].filter((field) => field !== null);
}

/** @param {Bench} bench @param {Part} part */
function ofThruster(bench, part) {
  const { level } = bench, thruster = level.thruster[part.at], one = (/** @type {Level} */ now) => now.thruster[part.at];
  const turned = (/** @type {Level} */ now) => shapeOf(now, one(now).object_index).rotation;
  return [
    make("h2", {}, named(level, part)),
    make("p", { class: "same" }, `on ${named(level, { kind: "shape", at: thruster.object_index })}`),
    choice(bench, "Channel", ["1", "2"], thruster.thruster_binding, (now, value) => { one(now).thruster_binding = value; }),
    number(bench, "Pushes towards, °", (thruster.rotation + turned(level)) / DEGREE, (now, value) => { one(now).rotation = value * DEGREE - turned(now); }, { step: 5 }),
    number(bench, "Power, × 10 N", thruster.power, (now, value) => { one(now).power = value; }, { low: 0, high: 50, step: 0.1 }),
    ends(bench, part, false),
  ];
}
