// @ts-check
import { act, Gone, live } from "./api.js";
import { button, make, short, words } from "./dom.js";
import { put } from "./film.js";
import { keepIt } from "./keep.js";

/** A lifeform alive: it runs on the server as long as it is watched; its numbers can be turned, and it can be touched. */

const SIDE = 256;
const SPEEDS = [1, 2, 4, 8, 16, 32];
/** Pictures in which a life passes, or more, unless somebody hurries it. */
const WHOLE_LIFE = 250;
const RADIUS = 0.06, MOST_POKES = 4;
/** Numbers of one gene that get a slider each; of more there is one that moves them all. */
const MOST_SLIDERS = 24;

export class Stage {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{edit: boolean, go: (run: number, id: number) => void, moving: boolean}} told
   */
  constructor(canvas, told) {
    this.canvas = canvas;
    this.told = told;
    this.place = make("section", { class: "stage", "aria-label": "The living world" });
    this.stopped = false;
    this.run = 0;
    this.id = 0;
    this.running = told.moving;
    this.speed = 1;
    /** What the next picture is to come after. @type {import("./api.js").Wish} */
    this.wish = {};
    /** Where it is touched, one after the other. @type {number[][]} */
    this.pokes = [];
    this.waiting = false;
  }

  stop() { this.stopped = true; }

  /** @param {number} run @param {number} id */
  async open(run, id) {
    [this.run, this.id] = [run, id];
    this.place.replaceChildren(make("p", { role: "status" }, "it comes to life ..."));
    try {
      const about = await live(run, id, SIDE);
      if (this.stopped) return;
      this.about = about;
      this.genotype = [...about.genotype];
      this.canvas.style.aspectRatio = "1";
      this.canvas.style.imageRendering = "auto";
      this.#controls(run, id);
      if (about.poke) this.#touch();
      this.ask();
    } catch (error) {
      if (!this.stopped) this.place.replaceChildren(make("p", { class: "refused", role: "alert" }, words(error)));
    }
  }

  /** @param {number} run @param {number} id */
  #controls(run, id) {
    const about = /** @type {import("./api.js").Stage} */ (this.about);
    const run_ = button("", () => {
      this.#let(!this.running);
      this.ask();
    }, { id: "running" });
    this.switch = run_;
    this.#let(this.running);
    const once = button("Step", () => {
      this.#let(false);
      this.ask({ steps: this.speed });
    }, { id: "once" });
    const again = button("From the start", () => this.ask({ restart: true }), { id: "again" });
    const speed = make("input", { type: "range", id: "speed", min: "0", max: String(SPEEDS.length - 1), "aria-label": "Steps from picture to picture" });
    const said = make("span", {});
    const hurry = () => {
      this.speed = SPEEDS[Number(speed.value)];
      said.textContent = `${this.speed} step${this.speed > 1 ? "s" : ""} a picture`;
    };
    speed.value = String(SPEEDS.findLastIndex((steps) => steps === 1 || steps * WHOLE_LIFE <= about.steps));
    speed.addEventListener("input", hurry);
    hurry();
    this.count = make("p", { class: "same step" });
    this.changed = make("div", { class: "changed" });
    this.filed = make("p", { class: "verdict", role: "status" });
    this.keeping = this.told.edit ? button("Keep this", () => keepIt(run, id, { genotype: [.../** @type {number[]} */ (this.genotype)] }, /** @type {HTMLElement} */ (this.filed), this.told.go), { id: "keep" })
      : make("p", { class: "same" }, "To keep what you make, start with: alife browse --edit");
    this.place.replaceChildren(
      make("div", { class: "row" }, run_, once, again), make("label", { class: "row" }, "Speed", speed, said),
      ...(about.poke ? [make("p", { class: "same" }, "Touch the picture to sow or to push, with Shift to clear or to draw near.")] : []), this.count,
      make("h3", {}, "Change it"), ...about.genes.map((gene) => this.#gene(gene)), this.changed, this.keeping, this.filed,
      ...(this.told.edit ? [make("p", { class: "same" }, "What is kept are the numbers, and the life that they lead from the start; a touch is not.")] : []));
    this.#tell();
  }

  /** @param {boolean} running */
  #let(running) {
    this.running = running;
    /** @type {HTMLElement} */ (this.switch).textContent = running ? "Pause the world" : "Run";
  }

  /** Sliders of one gene. @param {import("./api.js").Gene} gene */
  #gene(gene) {
    const { genotype, whole } = /** @type {import("./api.js").Stage} */ (this.about), many = gene.last - gene.first;
    const now = /** @type {number[]} */ (this.genotype), step = whole ? 1 : (gene.high - gene.low) / 400;
    const title = `${gene.name}${gene.unit ? `, ${gene.unit}` : ""}`, said = gene.meaning ? make("p", { class: "same" }, gene.meaning) : null;
    const slider = (/** @type {number} */ at, /** @type {string} */ name) => {
      const field = make("input", { type: "range", min: String(Math.min(gene.low, genotype[at])), max: String(Math.max(gene.high, genotype[at])), step: String(step), "aria-label": name, "data-at": String(at) });
      field.value = String(now[at]);
      const number = make("output", {}, short(now[at]));
      field.addEventListener("input", () => {
        now[at] = Number(field.value);
        number.textContent = short(now[at]);
        this.#turned();
      });
      return make("label", { class: "row" }, field, number);
    };
    if (many === 1) return make("div", { class: "gene" }, make("h4", {}, title), said, slider(gene.first, gene.name));
    const reach = gene.high - gene.low, all = make("input", { type: "range", min: String(-reach / 2), max: String(reach / 2), step: String(step), value: "0", "aria-label": `all of ${gene.name}`, "data-all": gene.name });
    const number = make("output", {}, "+0");
    let before = 0;
    all.addEventListener("reset", () => { before = 0; });
    all.addEventListener("input", () => {
      const more = Number(all.value), way = more - before, each = /** @type {NodeListOf<HTMLInputElement>} */ (this.place.querySelectorAll("input[data-at]"));
      before = more;
      for (let at = gene.first; at < gene.last; at++) now[at] = whole ? Math.round(now[at] + way) : now[at] + way;
      for (const field of each) {
        const at = Number(field.dataset.at), beside = field.parentElement?.querySelector("output");
        field.value = String(now[at]);
        if (beside) beside.textContent = short(now[at]);
      }
      number.textContent = `${more < 0 ? "" : "+"}${short(more)}`;
      this.#turned();
    });
    const each = many <= MOST_SLIDERS ? make("details", {}, make("summary", {}, `its ${many} numbers`), ...Array.from({ length: many }, (_, k) => slider(gene.first + k, `${gene.name} ${k}`))) : null;
    return make("div", { class: "gene" }, make("h4", {}, `${title}: ${many} numbers together`), said, make("label", { class: "row" }, all, number), each);
  }

  #turned() {
    this.wish.genotype = this.genotype;
    this.#tell();
    this.ask();
  }

  /** What is other than in the record. */
  #tell() {
    const { genotype, genes } = /** @type {import("./api.js").Stage} */ (this.about), now = /** @type {number[]} */ (this.genotype);
    const lines = genes.map((gene) => {
      const other = [];
      for (let at = gene.first; at < gene.last; at++) if (Math.fround(now[at]) !== Math.fround(genotype[at])) other.push(at);
      if (!other.length) return null;
      const [at] = other;
      return make("li", {}, gene.last - gene.first === 1 ? `${gene.name}: ${short(genotype[at])} → ${short(now[at])}` : `${gene.name}: ${other.length} of ${gene.last - gene.first} numbers`);
    }).filter((line) => line !== null);
    const back = button("As it was", () => {
      now.splice(0, now.length, ...genotype);
      for (const field of /** @type {NodeListOf<HTMLInputElement>} */ (this.place.querySelectorAll("input[data-at], input[data-all]"))) {
        if (field.dataset.all) field.dispatchEvent(new Event("reset"));
        field.value = field.dataset.at ? String(genotype[Number(field.dataset.at)]) : "0";
        const number = field.parentElement?.querySelector("output");
        if (number) number.textContent = field.dataset.at ? short(genotype[Number(field.dataset.at)]) : "+0";
      }
      this.#turned();
    }, { id: "back" });
    this.changed?.replaceChildren(...(lines.length ? [make("h3", {}, "Other than in its record"), make("ul", {}, ...lines), back] : []));
    if (this.keeping instanceof HTMLButtonElement) this.keeping.disabled = !lines.length;
  }

  #touch() {
    const { canvas } = this;
    let held = false;
    const touch = (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect(), within = (/** @type {number} */ at) => Math.min(1, Math.max(0, at));
      this.pokes.push([within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height), RADIUS, event.shiftKey || event.buttons === 2 ? -1 : 1]);
      this.pokes.splice(0, this.pokes.length - MOST_POKES); // what is late does not go on when the hand has left
      this.ask();
    };
    canvas.classList.add("touched");
    canvas.addEventListener("pointerdown", (event) => {
      held = true;
      canvas.setPointerCapture(event.pointerId);
      touch(event);
    });
    canvas.addEventListener("pointermove", (event) => { if (held) touch(event); });
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => { held = false; });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Asks for the next picture; there is never more than one on its way. @param {import("./api.js").Wish} [more] */
  ask(more = {}) {
    Object.assign(this.wish, more);
    if (this.waiting || this.stopped || !this.about) return;
    this.waiting = true;
    this.#next();
  }

  async #next() {
    const about = /** @type {import("./api.js").Stage} */ (this.about);
    try {
      while (!this.stopped) {
        const wish = this.wish, poke = this.pokes.shift();
        this.wish = {};
        if (poke) wish.poke = poke;
        if (this.running && !wish.restart) wish.steps = this.speed;
        const seen = await act(about.world, wish).catch(async (error) => {
          if (!(error instanceof Gone) || this.stopped) throw error;
          // it was put away while others were watched: once more, from the start, with the numbers that it had
          about.world = (await live(this.run, this.id, SIDE)).world;
          return act(about.world, { ...wish, genotype: this.genotype });
        });
        const frame = seen.get("frame");
        if (this.stopped || !frame) return;
        put(this.canvas, frame.values, frame.shape[1], frame.shape[0]);
        const step = seen.get("step")?.values[0] ?? 0, { steps } = about;
        /** @type {HTMLElement} */ (this.count).textContent = seen.get("finite")?.values[0] === 0 ? "it has come to numbers that are none: begin it from the start" : `step ${step}${step > steps ? `, ${step - steps} more than it was searched for` : ` of ${steps}`}`;
        if (!this.running && !this.pokes.length && !Object.keys(this.wish).length) return;
        await new Promise((then) => requestAnimationFrame(then));
      }
    } catch (error) {
      this.#let(false);
      /** @type {HTMLElement} */ (this.count).textContent = words(error);
    } finally {
      this.waiting = false;
    }
  }
}
