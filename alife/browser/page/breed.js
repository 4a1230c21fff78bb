// @ts-check
import { act, breed } from "./api.js";
import { button, make, words } from "./dom.js";
import { put } from "./film.js";
import { keepIt } from "./keep.js";

/**
 * Nine young of a lifeform, alive side by side: the one that is picked is the parent of the next nine, or several are
 * chosen and the next nine are mixtures of two of them.
 */

const SIDE = 128;
/** Steps until the picture that is shown where nothing should move. */
const STILL = 256;
const SIGMAS = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

/** Somebody with young: the numbers, and the lifeforms they come from. @typedef {{genotype: number[], from: number[]}} Parent */

export class Litter {
  /** @param {{edit: boolean, go: (run: number, id: number) => void, moving: boolean, back: () => void}} told */
  constructor(told) {
    this.told = told;
    this.place = make("section", { class: "litter", "aria-label": "Breeding" });
    this.stopped = false;
    this.turn = 0;
    this.sigma = 3;
    this.seed = 1;
    /** Who was picked, the latest last. @type {Parent[][]} */
    this.line = [];
    /** Who is chosen among those that are shown now. @type {Set<Parent>} */
    this.chosen = new Set();
    /** Other lifeforms that are parents too, as they are written. */
    this.others = "";
  }

  stop() { this.stopped = true; }

  /** @param {number} run @param {number} id @param {Parent[]} parents */
  #next(run, id, parents) {
    this.line.push(parents);
    this.seed++;
    this.open(run, id);
  }

  /** @param {number} run @param {number} id */
  async open(run, id) {
    const turn = ++this.turn, said = make("p", { class: "same", role: "status" }, "they come to life ...");
    const grid = make("div", { class: "nine" });
    this.chosen.clear();
    this.mix = button("", () => this.#next(run, id, [...this.chosen]), { id: "mix", hidden: "" });
    this.place.replaceChildren(
      make("div", { class: "row" }, button("Other nine", () => {
        this.seed++;
        this.open(run, id);
      }, { id: "others" }), button("One back", () => {
        this.line.pop();
        this.open(run, id);
      }, { id: "undo", ...(this.line.length ? {} : { disabled: "" }) }), this.mix, button("Done", this.told.back, { id: "done" })),
      ...this.#wishes(run, id), said, grid);
    try {
      const picked = this.line.at(-1), others = (this.others.match(/\d+/g) ?? []).map(Number);
      const wish = { sigma: SIGMAS[this.sigma], seed: this.seed, side: SIDE, others, ...(picked ? { parents: picked.map(({ genotype }) => genotype) } : {}) };
      const young = await breed(run, id, wish);
      if (turn !== this.turn || this.stopped) return;
      said.textContent = this.#say();
      const from = [...(picked ?? [{ from: [id] }]).map((parent) => parent.from), ...others.filter((one) => one !== id).map((one) => [one])];
      young.forEach(({ world, genotype, of }, k) => {
        const canvas = make("canvas", { width: String(SIDE), height: String(SIDE) });
        const one = { genotype, from: [...new Set(of.flatMap((parent) => from[parent]))] };
        const pick = button("", () => this.#next(run, id, [one]), { "aria-label": `Pick number ${k + 1}`, class: "pick" });
        pick.append(canvas);
        const mixing = button("Mix", () => {
          if (!this.chosen.delete(one)) this.chosen.add(one);
          this.#choose(mixing, this.chosen.has(one));
        }, { "aria-label": `Mix number ${k + 1}`, "aria-pressed": "false", class: "mixing" });
        const keeping = this.told.edit ? button("Keep", () => keepIt(run, id, { genotype, others: one.from.filter((parent) => parent !== id) }, said, this.told.go), { "aria-label": `Keep number ${k + 1}` }) : null;
        grid.append(make("div", {}, pick, mixing, keeping));
        this.#live(world, canvas, turn);
      });
    } catch (error) {
      said.replaceChildren(make("span", { class: "refused" }, words(error)));
    }
  }

  #say() {
    const picked = this.line.at(-1)?.length ?? 1, who = picked > 1 || this.others ? "mixtures; " : "";
    return this.line.length ? `generation ${this.line.length}: ${who}pick the next parent, or mix several` : `${who}pick the one you like: it is the parent of the next nine; or mix several`;
  }

  /** @param {HTMLElement} mixing @param {boolean} chosen */
  #choose(mixing, chosen) {
    mixing.setAttribute("aria-pressed", String(chosen));
    if (!this.mix) return;
    this.mix.hidden = this.chosen.size < 2;
    this.mix.textContent = `Mix these ${this.chosen.size}`;
  }

  /** How far they are changed, and who else is a parent. @param {number} run @param {number} id */
  #wishes(run, id) {
    const sigma = make("input", { type: "range", min: "0", max: String(SIGMAS.length - 1), value: String(this.sigma), "aria-label": "How far they are changed" });
    sigma.addEventListener("change", () => {
      this.sigma = Number(sigma.value);
      this.open(run, id);
    });
    const others = make("input", { type: "text", id: "with", inputmode: "numeric", placeholder: "nobody; or lifeforms such as 7, 12", value: this.others });
    others.addEventListener("change", () => {
      this.others = others.value;
      this.open(run, id);
    });
    return [make("label", { class: "row" }, "little", sigma, "much"), make("label", { class: "row" }, "together with", others)];
  }

  /** @param {string} world @param {HTMLCanvasElement} canvas @param {number} turn */
  async #live(world, canvas, turn) {
    try {
      while (turn === this.turn && !this.stopped) {
        const frame = (await act(world, { steps: this.told.moving ? 2 : STILL })).get("frame");
        if (!frame || turn !== this.turn || this.stopped) return;
        put(canvas, frame.values, SIDE, SIDE);
        if (!this.told.moving) return;
        await new Promise((then) => requestAnimationFrame(then));
      }
    } catch { /* it was put away: its last picture stays */ }
  }
}
