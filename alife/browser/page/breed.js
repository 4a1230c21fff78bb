// @ts-check
import { act, breed } from "./api.js";
import { button, make, words } from "./dom.js";
import { put } from "./film.js";
import { keepIt } from "./keep.js";

/** Nine changed copies of a lifeform, alive side by side; the one that is picked becomes the parent of the next nine. */

const SIDE = 128;
/** Steps until the picture that is shown where nothing should move. */
const STILL = 256;
const SIGMAS = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

export class Litter {
  /** @param {{edit: boolean, go: (run: number, id: number) => void, moving: boolean, back: () => void}} told */
  constructor(told) {
    this.told = told;
    this.place = make("section", { class: "litter", "aria-label": "Breeding" });
    this.stopped = false;
    this.turn = 0;
    this.sigma = 3;
    this.seed = 1;
    /** Who was picked, the latest last. @type {number[][]} */
    this.line = [];
  }

  stop() { this.stopped = true; }

  /** @param {number} run @param {number} id */
  async open(run, id) {
    const turn = ++this.turn, said = make("p", { class: "same", role: "status" }, "they come to life ...");
    const grid = make("div", { class: "nine" });
    const sigma = make("input", { type: "range", min: "0", max: String(SIGMAS.length - 1), value: String(this.sigma), "aria-label": "How far they are changed" });
    sigma.addEventListener("change", () => {
      this.sigma = Number(sigma.value);
      this.open(run, id);
    });
    this.place.replaceChildren(
      make("div", { class: "row" }, button("Other nine", () => {
        this.seed++;
        this.open(run, id);
      }, { id: "others" }), button("One back", () => {
        this.line.pop();
        this.open(run, id);
      }, { id: "undo", ...(this.line.length ? {} : { disabled: "" }) }), button("Done", this.told.back, { id: "done" })),
      make("label", { class: "row" }, "little", sigma, "much"), said, grid);
    try {
      const parent = this.line[this.line.length - 1];
      const young = await breed(run, id, { sigma: SIGMAS[this.sigma], seed: this.seed, side: SIDE, ...(parent ? { genotype: parent } : {}) });
      if (turn !== this.turn || this.stopped) return;
      said.textContent = this.line.length ? `generation ${this.line.length}; pick the next parent` : "pick the one you like; it becomes the parent of the next nine";
      young.forEach(({ world, genotype }, k) => {
        const canvas = make("canvas", { width: String(SIDE), height: String(SIDE) });
        const pick = button("", () => {
          this.line.push(genotype);
          this.seed++;
          this.open(run, id);
        }, { "aria-label": `Pick number ${k + 1}`, class: "pick" });
        pick.append(canvas);
        const keeping = this.told.edit ? button("Keep", () => keepIt(run, id, genotype, said, this.told.go), { "aria-label": `Keep number ${k + 1}` }) : null;
        grid.append(make("div", {}, pick, keeping));
        this.#live(world, canvas, turn);
      });
    } catch (error) {
      said.replaceChildren(make("span", { class: "refused" }, words(error)));
    }
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
