// @ts-check
import { film, lifeform, pictures, replay } from "./api.js";
import { withAlpha } from "./tiles.js";

/** The page of one lifeform, beside the field. */

/** Of the few moments that the model saw, and of a whole film. */
const MOMENTS_PER_SECOND = 6, FILM_PER_SECOND = 30;

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string | null)} inside
 */
function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside.filter((part) => part !== null));
  return element;
}

/** @param {number | null} value */
export const short = (value) => (value === null ? "none" : Number(value.toPrecision(4)).toString());

/** @param {string} text @param {string} what */
function copied(text, what) {
  const button = make("button", { type: "button", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return make("div", { class: "code" }, make("pre", { tabindex: "0" }, text), button);
}

export class LifePage {
  /**
   * @param {HTMLElement} place
   * @param {{open: (id: number) => void, close: () => void, playing: () => boolean}} told
   */
  constructor(place, told) {
    this.place = place;
    this.told = told;
    /** Rises with every lifeform that is opened: answers that come too late are thrown away. */
    this.turn = 0;
    place.addEventListener("keydown", (event) => { if (event.key === "Escape") told.close(); });
  }

  close() {
    this.turn++;
    this.place.hidden = true;
    this.place.replaceChildren();
  }

  /** @param {number} run @param {number} id */
  async open(run, id) {
    const turn = ++this.turn;
    this.place.hidden = false;
    try {
      const life = await lifeform(run, id);
      if (turn !== this.turn) return;
      this.place.replaceChildren(...this.#parts(run, life));
      this.place.setAttribute("aria-label", `Lifeform ${id}`);
      this.place.scrollTop = 0;
      this.place.focus({ preventScroll: true });
      this.#film(run, id, turn);
      this.#stills(run, turn);
    } catch (error) {
      if (turn === this.turn) this.place.replaceChildren(this.#bar(), make("p", { class: "failed", role: "alert" }, String(error instanceof Error ? error.message : error)));
    }
  }

  #bar() {
    const close = make("button", { type: "button", id: "close" }, "Close");
    close.addEventListener("click", () => this.told.close());
    return make("nav", { class: "bar" }, close);
  }

  /** @param {number} run @param {import("./api.js").Lifeform} life */
  #parts(run, life) {
    const facts = [["score", life.score], ...Object.entries(life.measures)];
    return [
      this.#bar(),
      make("canvas", { id: "film", role: "img", "aria-label": `The life of lifeform ${life.id}` }),
      make("input", { id: "time", type: "range", min: "0", value: "0", max: "0", "aria-label": "Moment of its life" }),
      make("h2", {}, `Lifeform ${life.id}`),
      make("p", {}, `${life.substrate}, generation ${life.generation}, ${life.operator}`),
      make("dl", {}, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, String(name)), make("dd", {}, short(/** @type {number | null} */ (value)))))),
      this.#near("Parents", life.parents),
      this.#near("Children", life.children),
      this.#near("Looks like", life.alike),
      make("h3", {}, "Is it real?"),
      this.#proof(run, life.id),
      make("h3", {}, "Recipe"),
      copied(life.recipe.shell, "commands"),
      copied(life.recipe.python, "Python"),
      make("details", {}, make("summary", {}, `Genotype, ${life.genotype?.length ?? 0} numbers`),
        life.genotype ? copied(life.genotype.map(short).join(", "), "the genotype") : "damaged"),
      make("details", {}, make("summary", {}, "Provenance"),
        make("pre", { tabindex: "0" }, `seed: ${life.seed.join(" ")}\n${JSON.stringify(life.provenance, null, 1)}`)),
    ].filter((part) => part !== null);
  }

  /** @param {string} title @param {number[]} ids */
  #near(title, ids) {
    if (!ids.length) return null;
    const links = ids.slice(0, 16).map((id) => {
      const link = make("a", { href: `#life=${id}`, "data-id": String(id) }, make("canvas", { width: "64", height: "64" }), String(id));
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.told.open(id);
      });
      return link;
    });
    return make("section", {}, make("h3", {}, ids.length > 16 ? `${title}: 16 of ${ids.length}` : title), make("div", { class: "near" }, ...links));
  }

  /** @param {number} run @param {number} id */
  #proof(run, id) {
    const button = make("button", { type: "button", id: "replay" }, "Run it again"), said = make("p", { class: "verdict", role: "status" });
    button.addEventListener("click", async () => {
      button.setAttribute("disabled", "");
      said.textContent = "running ...";
      try {
        const { verdict, reasons } = await replay(run, id);
        said.textContent = [verdict, ...reasons].join("; ");
      } catch (error) {
        said.textContent = error instanceof Error ? error.message : String(error);
      }
      button.removeAttribute("disabled");
    });
    return make("div", {}, button, said);
  }

  /** @param {number} run @param {number} id @param {number} turn */
  async #film(run, id, turn) {
    const frames = (await film(run, id)).get("frames");
    if (turn !== this.turn || !frames) return;
    const [count, height, width] = frames.shape, size = height * width * 3;
    const canvas = /** @type {HTMLCanvasElement} */ (this.place.querySelector("#film"));
    const time = /** @type {HTMLInputElement} */ (this.place.querySelector("#time"));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    [canvas.width, canvas.height, time.max] = [width, height, String(count - 1)];
    canvas.style.aspectRatio = `${width} / ${height}`;
    canvas.style.imageRendering = width < 200 ? "pixelated" : "auto";
    let held = false, shown = -1;
    const draw = (/** @type {number} */ k) => {
      if (k === shown) return;
      shown = k;
      const rgba = new Uint8ClampedArray(withAlpha(frames.values.subarray(k * size, (k + 1) * size)).buffer);
      context.putImageData(new ImageData(rgba, width, height), 0, 0);
    };
    time.addEventListener("input", () => {
      held = true;
      draw(Number(time.value));
    });
    const start = performance.now(), rate = count > 24 ? FILM_PER_SECOND : MOMENTS_PER_SECOND, cycle = count / rate + 0.8;
    const play = (/** @type {number} */ now) => {
      if (turn !== this.turn || held) return;
      const k = this.told.playing() ? Math.min(count - 1, Math.floor((((now - start) / 1000) % cycle) * rate)) : count - 1;
      time.value = String(Math.max(0, k));
      draw(Math.max(0, k));
      requestAnimationFrame(play);
    };
    requestAnimationFrame(play);
  }

  /** @param {number} run @param {number} turn */
  async #stills(run, turn) {
    const links = /** @type {HTMLElement[]} */ ([...this.place.querySelectorAll("a[data-id]")]);
    const ids = [...new Set(links.map((link) => Number(link.dataset.id)))];
    if (!ids.length) return;
    const found = await pictures(run, ids.slice(0, 64), 64), frames = found.get("frames");
    if (turn !== this.turn || !frames) return;
    const [, count, side] = frames.shape, size = side * side * 3, came = [...(found.get("id")?.values ?? [])];
    for (const link of links) {
      const at = came.indexOf(Number(link.dataset.id));
      const context = link.querySelector("canvas")?.getContext("2d");
      if (at < 0 || !context) continue;
      const from = (at * count + count - 1) * size;
      const rgba = new Uint8ClampedArray(withAlpha(frames.values.subarray(from, from + size)).buffer);
      context.putImageData(new ImageData(rgba, side, side), 0, 0);
    }
  }
}
