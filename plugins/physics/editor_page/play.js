// @ts-check
import { button, make } from "./dom.js";
import { shapeOf } from "./level.js";
import { play, step } from "./server.js";

/** A level in motion: keys tell its channels what to do. */

/** @typedef {import("./level.js").Level} Level */

/** Per second. */
const RATE = 30;
/** Key by key: the channel, what it is told (motors turn counter-clockwise by 1), and how people call the key. @type {Record<string, [number, number, string]>} */
export const KEYS = {
  ArrowLeft: [0, 1, "←"], ArrowRight: [0, -1, "→"], ArrowUp: [1, 1, "↑"], ArrowDown: [1, -1, "↓"],
  a: [2, 1, "A"], d: [2, -1, "D"], w: [3, 1, "W"], s: [3, -1, "S"], " ": [4, 1, "Space"], x: [5, 1, "X"],
};

/** Channels that drive something. @param {Level} level */
function driven(level) {
  const motors = level.joint.filter((joint) => joint.active && joint.motor_on && !joint.is_fixed_joint && !joint.motor_auto).map((joint) => joint.motor_binding);
  return new Set([...motors, ...level.thruster.filter(({ active }) => active).map((thruster) => 4 + thruster.thruster_binding)]);
}

export class Play {
  /** @param {(level: Level, told: number[]) => void} draw @param {(said: string) => void} say */
  constructor(draw, say) {
    this.draw = draw;
    this.say = say;
    this.going = false;
    /** Keys that are down. @type {Set<string>} */
    this.down = new Set();
  }

  /** What keys there are for a level, as buttons that can be held. @param {Level} level */
  pad(level) {
    const channels = driven(level), pads = Object.entries(KEYS).filter(([, [channel]]) => channels.has(channel)).map(([key, [channel, way, name]]) => {
      const pad = button(channel < 4 ? `${name} motor ${channel + 1} ${way > 0 ? "↺" : "↻"}` : `${name} thruster ${channel - 3}`, () => {}, { "data-key": key });
      pad.addEventListener("pointerdown", () => this.hold(key, true));
      for (const end of ["pointerup", "pointerleave", "pointercancel"]) pad.addEventListener(end, () => this.hold(key, false));
      return pad;
    });
    return pads.length ? make("div", { class: "held" }, ...pads) : make("p", { class: "same" }, "Nothing in it can be driven: give a hinge a motor, or a shape a thruster.");
  }

  /** @param {string} key @param {boolean} down */
  hold(key, down) {
    this.down[down ? "add" : "delete"](key);
    for (const pad of document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)) pad.classList.toggle("down", down);
  }

  /** What the six channels are told. */
  get told() {
    const told = [0, 0, 0, 0, 0, 0];
    for (const key of this.down) told[KEYS[key][0]] += KEYS[key][1];
    return told;
  }

  /** Until green touches blue or red, or it is ended. @param {Level} level */
  async start(level) {
    this.going = true;
    this.say("its physics is made ready, which takes some seconds once for a size ...");
    const { play: number, state, ...first } = await play(level);
    for (let now = /** @type {import("./server.js").Moment} */ (first), due = performance.now(); this.going;) {
      now.poses.forEach(([x, y, rotation], i) => Object.assign(shapeOf(state, i), { position: { 0: x, 1: y }, rotation }));
      this.draw(state, now.told);
      this.say(`${(now.decisions / RATE).toFixed(1)} s${now.done ? (now.won ? ": solved, green touches blue" : ": lost") : ""}`);
      if (now.done) break;
      due = Math.max(due + 1000 / RATE, performance.now() - 100); // what is late is not made up for
      await new Promise((then) => setTimeout(then, Math.max(0, due - performance.now())));
      now = await step(number, this.told, 1);
    }
  }

  stop() {
    this.going = false;
    this.down.clear();
  }
}
