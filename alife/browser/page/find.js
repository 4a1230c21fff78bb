// @ts-check
import { drop, find } from "./api.js";
import { make, the, whole, words } from "./dom.js";

/** The find bar: words, likenesses and conditions in one line; a picture can be dropped anywhere on the page. */

const PAUSE_MS = 350;
const SLOW_MS = 500;

export class FindBar {
  /**
   * @param {{found: (found: import("./api.js").Found | null) => void, asked: (line: string) => void}} told
   */
  constructor(told) {
    this.told = told;
    this.run = 0;
    /** Rises with every question: answers that come too late are thrown away. */
    this.turn = 0;
    /** @type {number | undefined} */
    this.pause = undefined;
    this.line = /** @type {HTMLInputElement} */ (the("find"));
    this.said = the("said");
    this.line.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.ask(), PAUSE_MS);
    });
    the("finding").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    this.line.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.line.value) return;
      event.stopPropagation();
      this.put("");
    });
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dragging");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) document.body.classList.remove("dragging");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("dragging");
      const [file] = event.dataTransfer?.files ?? [];
      if (file) this.#picture(file);
    });
    document.addEventListener("paste", (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (file) this.#picture(file);
    });
  }

  /** Asks for a line in place of the present one. @param {string} line */
  put(line) {
    this.line.value = line;
    return this.ask();
  }

  async ask() {
    clearTimeout(this.pause);
    const turn = ++this.turn, line = this.line.value.trim();
    this.told.asked(line);
    this.line.removeAttribute("aria-invalid");
    if (!line) {
      this.said.replaceChildren();
      return this.told.found(null);
    }
    const slow = setTimeout(() => { if (turn === this.turn) this.said.textContent = "looking at all pictures; the next time is quicker ..."; }, SLOW_MS);
    try {
      const found = await find(this.run, line);
      if (turn !== this.turn) return;
      const ranked = found.model === null ? "" : `the most alike first, as model ${found.model} sees them: ${whole(found.ids.length)} of ${whole(found.total)}`;
      this.said.textContent = [ranked, ...found.remarks].filter(Boolean).join("; ");
      this.told.found(found);
    } catch (error) {
      if (turn !== this.turn) return;
      this.line.setAttribute("aria-invalid", "true");
      this.said.replaceChildren(make("span", { class: "refused" }, words(error)));
      this.told.found(null);
    } finally {
      clearTimeout(slow);
    }
  }

  /** @param {File} file */
  async #picture(file) {
    try {
      const name = await drop(this.run, file);
      await this.put(`${this.line.value.replace(/picture:\S*/g, "")} picture:${name}`.trim());
    } catch (error) {
      this.said.replaceChildren(make("span", { class: "refused" }, words(error)));
    }
  }
}
