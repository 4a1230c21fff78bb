// @ts-check
import { branch, genes, lifeform, mark, pictures, replay } from "./api.js";
import { Litter } from "./breed.js";
import { button, copied, make, short, words } from "./dom.js";
import { tree } from "./family.js";
import { Film, put } from "./film.js";
import { files } from "./share.js";
import { Stage } from "./stage.js";

/** The page of one lifeform, beside the field. */

const MOST_LINKS = 16;
const STILL = 64;
/** Numbers of a gene that are written beside its name. */
const SOME = 4;

export class LifePage {
  /**
   * @param {HTMLElement} place
   * @param {{open: (id: number) => void, close: () => void, playing: () => boolean, ask: (line: string) => void,
   *   kin: (ids: number[]) => void, href: (id: number) => string, go: (run: number, id: number | null) => void, edit: () => boolean, about: () => import("./api.js").Run, rest: (rests: boolean) => void}} told
   */
  constructor(place, told) {
    this.place = place;
    this.told = told;
    /** Rises with every lifeform that is opened: answers that come too late are thrown away. */
    this.turn = 0;
    /** What moves on the page now. @type {{stop: () => void} | null} */
    this.shown = null;
    place.addEventListener("keydown", (event) => { if (event.key === "Escape") told.close(); });
  }

  close() {
    this.turn++;
    this.shown?.stop();
    this.shown = null;
    this.told.rest(false);
    this.place.hidden = true;
    this.place.replaceChildren();
  }

  /** @param {number} run @param {number} id */
  async open(run, id) {
    const turn = ++this.turn;
    this.shown?.stop();
    this.place.hidden = false;
    delete this.place.dataset.whole;
    try {
      const life = await lifeform(run, id);
      if (turn !== this.turn) return;
      this.place.setAttribute("aria-label", `Lifeform ${id}`);
      this.head = make("div", {});
      this.place.replaceChildren(this.#bar(life), this.head, ...this.#facts(run, life));
      this.place.scrollTop = 0;
      this.place.focus({ preventScroll: true });
      this.#film(run, id);
      tree(run, id, { link: (one, edge) => this.#link(one, edge) }).then(({ kin, drawn }) => {
        if (turn !== this.turn) return;
        this.told.kin(kin);
        if (drawn) this.place.querySelector("#near")?.prepend(drawn);
        this.#stills(run, turn);
      }).catch(() => {}).finally(() => { // where relatives are damaged, the rest is there
        if (turn === this.turn) this.place.dataset.whole = "yes"; // nothing moves any more below somebody's hand
      });
      this.#stills(run, turn);
    } catch (error) {
      if (turn === this.turn) this.place.replaceChildren(this.#bar(null), make("p", { class: "failed", role: "alert" }, words(error)));
    }
  }

  /** @param {import("./api.js").Lifeform | null} life */
  #bar(life) {
    const close = button("Close", () => this.told.close(), { id: "close" });
    return make("nav", { class: "bar" }, make("h2", {}, life ? `Lifeform ${life.id}` : ""), close);
  }

  /** Puts something else at the head of the page. @param {{stop: () => void}} shown @param {...(Node | null)} parts */
  #put(shown, ...parts) {
    this.told.rest(!(shown instanceof Film));
    this.shown?.stop();
    this.shown = shown;
    this.head?.replaceChildren(...parts.filter((part) => part !== null));
  }

  /** @param {number} run @param {number} id */
  #film(run, id) {
    const film = new Film(this.told.playing);
    this.#put(film, film.canvas, film.time, film.curves, make("div", { class: "row" },
      button("Live", () => this.#stage(run, id), { id: "live" }), button("Breed", () => this.#breed(run, id), { id: "breed" }),
      button("Find alike", () => this.told.ask(`like:${id}`), { id: "alike" })));
    film.load(run, id);
  }

  /** @param {number} run @param {number} id */
  #stage(run, id) {
    const canvas = make("canvas", { id: "film", role: "img", "aria-label": `Lifeform ${id}, alive`, width: "1", height: "1" });
    const stage = new Stage(canvas, { edit: this.told.edit(), go: this.told.go, moving: this.told.playing() });
    this.#put(stage, canvas, stage.place, make("div", { class: "row" }, button("Back to its record", () => this.#film(run, id), { id: "record" })));
    stage.open(run, id);
  }

  /** @param {number} run @param {number} id */
  #breed(run, id) {
    const litter = new Litter({ edit: this.told.edit(), go: this.told.go, moving: this.told.playing(), back: () => this.#film(run, id) });
    this.#put(litter, litter.place);
    litter.open(run, id);
  }

  /** @param {number} run @param {import("./api.js").Lifeform} life */
  #facts(run, life) {
    const facts = [["score", life.score], ...Object.entries(life.measures)];
    return [
      make("p", {}, `${life.substrate}, generation ${life.generation}, ${life.origin}`),
      this.told.edit() ? this.#marks(run, life) : this.#said(life),
      make("dl", {}, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, String(name)), make("dd", {}, short(/** @type {number | null} */ (value)))))),
      make("div", { id: "near" }, this.#near("Looks like", life.alike)),
      make("h3", {}, "Is it real?"),
      this.#proof(run, life.id),
      this.told.edit() ? this.#branch(run, life.id) : null,
      make("h3", {}, "Take it away"),
      files(run, this.told.about(), life.id),
      make("h3", {}, "Recipe"),
      copied(life.recipe.shell, "commands"),
      copied(life.recipe.python, "Python"),
      this.#genotype(run, life),
      make("details", {}, make("summary", {}, "Provenance"),
        make("pre", { tabindex: "0" }, `seed: ${life.seed.join(" ")}\n${JSON.stringify(life.provenance, null, 1)}`)),
    ].filter((part) => part !== null);
  }

  /** Its numbers, and once it is opened what they mean. @param {number} run @param {import("./api.js").Lifeform} life */
  #genotype(run, life) {
    const meant = make("div", {}), said = life.genotype ? copied(life.genotype.join(", "), "the genotype") : "damaged";
    const details = make("details", { id: "genotype" }, make("summary", {}, `Genotype, ${life.genotype?.length ?? 0} numbers`), meant, said);
    details.addEventListener("toggle", async () => {
      if (!details.open || meant.childElementCount || !life.genotype) return;
      meant.replaceChildren(make("p", { class: "same" }, "asking what they mean ..."));
      try {
        meant.replaceChildren(...(await genes(run, life.id)).map(({ name, meaning, unit, low, high, values }) => make("div", { class: "gene" },
          make("h4", {}, `${name} = ${values.slice(0, SOME).map(short).join(", ")}${values.length > SOME ? ` and ${values.length - SOME} more` : ""}`),
          make("p", { class: "same" }, [meaning, `${short(low)} to ${short(high)} ${unit}`.trim()].filter(Boolean).join("; ")))));
      } catch (error) {
        meant.replaceChildren(make("p", { class: "same" }, words(error)));
      }
    });
    return details;
  }

  /** What people have said of it. @param {import("./api.js").Lifeform} life */
  #said(life) {
    const said = [life.favourite ? "favourite" : "", life.tags.join(", "), life.note].filter(Boolean).join(" · ");
    return said ? make("p", { class: "note" }, said) : null;
  }

  /** @param {number} run @param {import("./api.js").Lifeform} life */
  #marks(run, life) {
    const failed = make("p", { class: "refused", role: "status" });
    let last = Promise.resolve(); // one after the other, as they were said
    const say = (/** @type {Parameters<typeof mark>[2]} */ said) => {
      last = last.then(async () => {
        try {
          await mark(run, life.id, said);
          failed.textContent = "";
        } catch (error) {
          failed.textContent = words(error);
          if (said.favourite !== undefined) shine(!said.favourite);
        }
      });
    };
    const star = button("", () => {
      shine(!life.favourite);
      say({ favourite: life.favourite });
    }, { id: "favourite" });
    const shine = (/** @type {boolean} */ now) => {
      life.favourite = now;
      star.textContent = now ? "★ Favourite" : "☆ Favourite";
      star.setAttribute("aria-pressed", String(now));
    };
    shine(life.favourite);
    const note = make("input", { type: "text", id: "note", placeholder: "What do you see in it?", "aria-label": "Note", maxlength: "2000", value: life.note });
    note.addEventListener("change", () => say({ note: note.value }));
    return make("div", { class: "row" }, star, note, failed);
  }

  /** @param {number} run @param {number} id */
  #branch(run, id) {
    const said = make("p", { class: "verdict", role: "status" });
    const minutes = make("input", { type: "number", min: "1", max: "1440", value: "2", "aria-label": "Minutes" });
    const begin = button("Search from here", async () => {
      const { turn } = this;
      begin.disabled = true;
      said.textContent = "the search begins ...";
      try {
        const begun = await branch(run, id, Number(minutes.value));
        if (turn === this.turn) this.told.go(begun.run, null);
      } catch (error) {
        said.textContent = words(error);
      }
      begin.disabled = false;
    }, { id: "branch" });
    return make("div", {}, make("h3", {}, "Where could it lead?"), make("div", { class: "row" }, begin, make("label", { class: "row" }, minutes, "minutes")), said);
  }

  /** @param {number} id @param {number} edge */
  #link(id, edge) {
    const link = make("a", { href: this.told.href(id), "data-id": String(id) }, make("canvas", { width: String(edge), height: String(edge) }), String(id));
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // to a tab of its own
      event.preventDefault();
      this.told.open(id);
    });
    return link;
  }

  /** @param {string} title @param {number[]} ids */
  #near(title, ids) {
    if (!ids.length) return null;
    const links = ids.slice(0, MOST_LINKS).map((id) => this.#link(id, STILL));
    return make("section", {}, make("h3", {}, title), make("div", { class: "near" }, ...links));
  }

  /** @param {number} run @param {number} id */
  #proof(run, id) {
    const said = make("p", { class: "verdict", role: "status" });
    const again = button("Run it again", async () => {
      again.disabled = true;
      said.textContent = "running ...";
      try {
        const { verdict, reasons } = await replay(run, id);
        said.textContent = [verdict, ...reasons].join("; ");
      } catch (error) {
        said.textContent = words(error);
      }
      again.disabled = false;
    }, { id: "replay" });
    return make("div", {}, again, said);
  }

  /** @param {number} run @param {number} turn */
  async #stills(run, turn) {
    const links = /** @type {HTMLElement[]} */ ([...this.place.querySelectorAll("a[data-id]:not([data-drawn])")]);
    const ids = [...new Set(links.map((link) => Number(link.dataset.id)))];
    if (!ids.length) return;
    for (const link of links) link.dataset.drawn = "";
    const found = await pictures(run, ids.slice(0, 64), STILL).catch(() => null), frames = found?.get("frames");
    if (turn !== this.turn || !frames) return;
    const [, count, side] = frames.shape, size = side * side * 3, came = [...(found?.get("id")?.values ?? [])];
    for (const link of links) {
      const at = came.indexOf(Number(link.dataset.id)), canvas = link.querySelector("canvas");
      if (at < 0 || !canvas) continue;
      const from = (at * count + count - 1) * size;
      put(canvas, frames.values.subarray(from, from + size), side, side);
    }
  }
}
