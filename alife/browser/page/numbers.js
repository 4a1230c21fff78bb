// @ts-check
import { draw, kept, make, short, the } from "./dom.js";
import { files } from "./share.js";

/** Every number of the lifeforms as a histogram that can be brushed, the score by generation, and what the axes are. */

const BINS = 28, WIDTH = 224, HEIGHT = 44;

/**
 * The conditions of a line, without those on one number.
 * @param {string} line
 * @param {string} name
 */
export const without = (line, name) =>
  line.replace(new RegExp(`(^|\\s)(?:not\\s+|!\\s*)?${name}\\s*(?:<=|>=|!=|==?|<|>)\\s*[^\\s"]+`, "g"), " ").replace(/\s+/g, " ").trim();

/**
 * Ends that a line sets to a number.
 * @param {string} line
 * @param {string} name
 * @returns {[number, number]}
 */
export function ends(line, name) {
  let [low, high] = [-Infinity, Infinity];
  for (const [, sign, value] of line.matchAll(new RegExp(`(?<!\\bnot\\s+)(?:^|(?<=\\s))${name}\\s*(>=?|<=?)\\s*([^\\s"]+)`, "g"))) {
    if (Number.isNaN(Number(value))) continue;
    if (sign[0] === ">") low = Number(value);
    else high = Number(value);
  }
  return [low, high];
}

export class Numbers {
  /** @param {{line: () => string, ask: (line: string) => void, arrange: (across: string, down: string) => void,
   *   map: (map: string) => void}} told */
  constructor(told) {
    this.told = told;
    this.place = the("numbers");
    /** Whether somebody brushes: then nothing is drawn anew. */
    this.held = false;
  }

  /**
   * @param {import("./api.js").Run} run
   * @param {number} place of the run
   * @param {Map<string, Float32Array>} columns by lifeform
   * @param {Int32Array} all who could be shown
   * @param {Int32Array} chosen who is shown
   * @param {{across: string, down: string, map: string}} axes
   */
  show(run, place, columns, all, chosen, axes) {
    if (this.place.hidden || this.held) return;
    const focus = kept(this.place), { numbers: names } = run;
    const twice = names.map((name) => /** @type {[string, string]} */ ([name, name]));
    const parts = names.map((name) => this.#histogram(name, /** @type {Float32Array} */ (columns.get(name)), all, chosen));
    this.place.replaceChildren(
      make("h3", {}, "Score by generation"),
      curve(/** @type {Float32Array} */ (columns.get("score")), /** @type {Float32Array} */ (columns.get("generation")), all),
      ...parts,
      make("h3", {}, "Arranged by"),
      this.#axis("Across", [["alike", ""], ...twice], axes.across, (value) => this.told.arrange(value, axes.down)),
      this.#axis("Down", [["alike", ""], ...twice], axes.down, (value) => this.told.arrange(axes.across, value)),
      this.#axis("Alike", [["as a whole", ""], ["by neighbours", "neighbours"]], axes.map, this.told.map),
      make("h3", {}, "Take all of it away"),
      files(place, run, null),
    );
    focus();
  }

  /** @param {string} said @param {[string, string][]} choices @param {string} now @param {(name: string) => void} then */
  #axis(said, choices, now, then) {
    const choice = make("select", { "data-axis": said, "data-focus": `axis ${said}` }, ...choices.map(([name, value]) => new Option(name, value, false, value === now)));
    choice.addEventListener("change", () => then(choice.value));
    return make("label", { class: "axis" }, said, choice);
  }

  /** @param {string} name @param {Float32Array} column @param {Int32Array} all @param {Int32Array} chosen */
  #histogram(name, column, all, chosen) {
    let [low, high] = [Infinity, -Infinity];
    for (const id of all) {
      const value = column[id];
      if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
    const title = make("h3", {}, name);
    if (!(high > low)) return make("section", {}, title, make("p", { class: "same" }, low > high ? "none has it" : `${short(low)} for all`));
    const bin = (/** @type {number} */ value) => Math.min(BINS - 1, Math.floor(((value - low) / (high - low)) * BINS));
    const count = (/** @type {Int32Array} */ ids) => {
      const counts = new Array(BINS).fill(0);
      for (const id of ids) if (Number.isFinite(column[id])) counts[bin(column[id])]++;
      return counts;
    };
    const [every, some] = [count(all), count(chosen)], most = Math.sqrt(Math.max(...every)), step = WIDTH / BINS;
    // Square roots: one full bin must not hide that there are others.
    const bars = (/** @type {number[]} */ counts, /** @type {string} */ kind) => counts.map((many, k) => {
      const tall = many ? Math.max(1.5, (Math.sqrt(many) / most) * (HEIGHT - 2)) : 0;
      return draw("rect", { class: kind, x: (k * step + 0.5).toFixed(1), width: (step - 1).toFixed(1), y: (HEIGHT - tall).toFixed(1), height: tall.toFixed(1) });
    });
    const [from, to] = ends(this.told.line(), name);
    const at = (/** @type {number} */ value) => Math.min(WIDTH, Math.max(0, ((value - low) / (high - low)) * WIDTH));
    const brush = draw("rect", { class: "brush", y: "0", height: String(HEIGHT) });
    const mark = (/** @type {number} */ left, /** @type {number} */ right) => {
      brush.setAttribute("x", left.toFixed(1));
      brush.setAttribute("width", Math.max(0, right - left).toFixed(1));
    };
    if (Number.isFinite(from) || Number.isFinite(to)) mark(at(from), at(to));
    const chart = draw("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "data-number": name, role: "img", "aria-label": `${name}: ${short(low)} to ${short(high)}` }, ...bars(every, "every"), ...bars(some, "some"), brush);
    /** @type {number | null} */
    let held = null;
    const here = (/** @type {PointerEvent} */ event) => {
      const box = chart.getBoundingClientRect();
      return Math.min(WIDTH, Math.max(0, ((event.clientX - box.left) / box.width) * WIDTH));
    };
    chart.addEventListener("pointerdown", (event) => {
      chart.setPointerCapture(event.pointerId);
      held = here(event);
      this.held = true;
    });
    chart.addEventListener("pointermove", (event) => {
      if (held !== null) mark(Math.min(held, here(event)), Math.max(held, here(event)));
    });
    chart.addEventListener("pointerup", (event) => {
      if (held === null) return;
      this.held = false;
      const digits = Math.max(0, Math.ceil(-Math.log10((high - low) / WIDTH)));
      const value = (/** @type {number} */ place) => Number((low + (place / WIDTH) * (high - low)).toFixed(Math.min(20, digits))), [a, b] = [Math.min(held, here(event)), Math.max(held, here(event))];
      held = null;
      if (b - a < 2) this.#ask(name, -Infinity, Infinity); // a click takes the brush away
      else this.#ask(name, a > 0 ? value(a) : -Infinity, b < WIDTH ? value(b) : Infinity);
    });
    const end = (/** @type {string} */ which, /** @type {number} */ now, /** @type {number} */ bound) => {
      const field = make("input", { type: "number", step: "any", "data-focus": `${name} ${which}`, "aria-label": `${name}, ${which}`, placeholder: short(bound), value: Number.isFinite(now) ? short(now) : "" });
      field.addEventListener("change", () => {
        const value = field.value === "" ? NaN : Number(field.value), [a, b] = ends(this.told.line(), name);
        if (which === "least") this.#ask(name, Number.isNaN(value) ? -Infinity : value, b);
        else this.#ask(name, a, Number.isNaN(value) ? Infinity : value);
      });
      return field;
    };
    return make("section", {}, title, chart, make("div", { class: "ends" }, end("least", from, low), end("greatest", to, high)));
  }

  /** @param {string} name @param {number} low @param {number} high */
  #ask(name, low, high) {
    const parts = [without(this.told.line(), name)];
    if (Number.isFinite(low)) parts.push(`${name}>=${low}`);
    if (Number.isFinite(high)) parts.push(`${name}<=${high}`);
    this.told.ask(parts.filter(Boolean).join(" "));
  }
}

/**
 * The best score so far, and the median of each generation.
 * @param {Float32Array} score
 * @param {Float32Array} generation
 * @param {Int32Array} ids
 */
export function curve(score, generation, ids) {
  /** @type {Map<number, number[]>} */
  const groups = new Map();
  for (const id of ids) {
    const group = groups.get(generation[id]);
    if (group) group.push(score[id]);
    else groups.set(generation[id], [score[id]]);
  }
  const turns = [...groups.keys()].sort((a, b) => a - b);
  let best = -Infinity;
  /** @type {[number, number][]} */
  const tops = [];
  /** @type {[number, number][]} */
  const middles = [];
  for (const turn of turns) {
    const values = /** @type {number[]} */ (groups.get(turn)).sort((a, b) => a - b);
    best = Math.max(best, values[values.length - 1]);
    tops.push([turn, best]);
    middles.push([turn, values[values.length >> 1]]);
  }
  const values = [...tops, ...middles].map(([, value]) => value).filter(Number.isFinite), tall = 64;
  const low = Math.min(...values), high = Math.max(...values), last = turns[turns.length - 1] ?? 0, first = turns[0] ?? 0;
  const path = (/** @type {[number, number][]} */ points) => points.filter(([, value]) => Number.isFinite(value)).map(([turn, value], k) =>
    `${k ? "L" : "M"}${(((turn - first) / Math.max(1, last - first)) * WIDTH).toFixed(1)} ${(tall - 3 - ((value - low) / (high - low || 1)) * (tall - 6)).toFixed(1)}`).join("");
  return make("div", { class: "curve" },
    draw("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${tall}`, role: "img", "aria-label": `best ${short(best)} after generation ${last}` },
      draw("path", { class: "middle", d: path(middles) }), draw("path", { class: "best", d: path(tops) })),
    make("p", { class: "same" }, `best ${short(best)}, and the middle of each generation, ${first} to ${last}`));
}
