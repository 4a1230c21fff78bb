// @ts-check
import { href, read } from "./address.js";
import { runs } from "./api.js";
import { button, lit, make, the, words } from "./dom.js";

/** Several runs side by side, each on a page of its own in a frame; one find line asks all of them. */

const MOST = 4;
const PAUSE_MS = 350;

class Beside {
  /** @param {import("./api.js").Run[]} known */
  constructor(known) {
    this.names = known.map(({ name }) => name);
    const said = new URLSearchParams(location.hash.slice(1)), asked = said.getAll("run").filter((name) => this.names.includes(name));
    this.line = /** @type {HTMLInputElement} */ (the("find"));
    this.line.value = said.get("q") ?? "";
    /** @type {number | undefined} */
    this.pause = undefined;
    /** @type {{name: string, pane: HTMLElement, frame: HTMLIFrameElement}[]} */
    this.panes = [];
    for (const name of (asked.length ? asked : this.names).slice(0, MOST)) this.add(name);
    the("finding").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    this.line.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.ask(), PAUSE_MS);
    });
    the("add").addEventListener("click", () => this.add(this.names.find((name) => !this.panes.some((pane) => pane.name === name)) ?? this.names[0]));
  }

  /** @param {string} name */
  add(name) {
    const choice = make("select", { "aria-label": "Run" }, ...this.names.map((one) => new Option(one, one, false, one === name)));
    const frame = make("iframe", { src: this.#address(name), title: name });
    const pane = make("section", { "aria-label": name }, make("div", { class: "bar" }, choice, button("Close", () => {
      this.panes = this.panes.filter((one) => one !== shown);
      pane.remove();
      this.#remember();
    })), frame);
    const shown = { name, pane, frame };
    choice.addEventListener("change", () => {
      shown.name = frame.title = choice.value;
      pane.setAttribute("aria-label", choice.value);
      frame.contentWindow?.location.replace(this.#address(choice.value));
      this.#remember();
    });
    this.panes.push(shown);
    the("panes").append(pane);
    this.#remember();
  }

  /** @param {string} name */
  #address(name) { return `/${href({ ...read(""), run: name, q: this.line.value.trim(), view: "pane" })}`; }

  /** Asks every run for the line; what else is shown of it stays. */
  ask() {
    clearTimeout(this.pause);
    for (const { frame } of this.panes) {
      const inside = frame.contentWindow;
      if (inside) inside.location.replace(`/${href({ ...read(inside.location.hash), q: this.line.value.trim() })}`);
    }
    this.#remember();
  }

  #remember() {
    const said = new URLSearchParams(this.panes.map(({ name }) => ["run", name]));
    if (this.line.value.trim()) said.set("q", this.line.value.trim());
    history.replaceState(null, "", `#${said}`);
    the("add").hidden = this.panes.length >= MOST;
  }
}

lit(the("light"), () => {});
runs().then((known) => new Beside(known)).catch((error) => the("panes").append(make("p", { class: "failed", role: "alert" }, words(error))));
