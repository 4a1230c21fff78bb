// @ts-check
import * as address from "./address.js";
import { about, runs, table } from "./api.js";
import { lit, make, say, short, the, whole, words } from "./dom.js";
import { Field } from "./field.js";
import { FindBar } from "./find.js";
import { LifePage } from "./life.js";
import { Numbers } from "./numbers.js";
import { Table } from "./table.js";

/** Puts the page together. */

const FOLLOW_MS = 2000;

class Page {
  constructor() {
    this.state = address.read();
    /** @type {import("./api.js").Run[]} */
    this.known = [];
    /** Every number by name, by lifeform. @type {Map<string, Float32Array>} */
    this.columns = new Map();
    /** Places on the map by lifeform. @type {{x: Float32Array, y: Float32Array}} */
    this.map = { x: new Float32Array(0), y: new Float32Array(0) };
    /** Who there is to look at, and who of them is chosen now. */
    this.all = new Int32Array(0);
    this.chosen = new Int32Array(0);
    /** What answers the line that was asked; null where nothing is asked. @type {import("./api.js").Found | null} */
    this.found = null;
    /** The first table, which was asked for before anything else. @type {Promise<import("./api.js").Arrays> | null} */
    this.coming = null;
    /** Place of the run that is shown. */
    this.place = 0;
    /** Rises with every run that is chosen. */
    this.turn = 0;
    this.field = new Field(the("atlas"), {
      open: (id) => this.open(id),
      point: (id) => say(the("hint"), id === null ? "" : `lifeform ${id}, score ${short(this.#scores()[id])}`),
      moved: () => this.#count(),
    });
    this.life = new LifePage(the("life"), {
      open: (id) => this.open(id), close: () => this.close(), playing: () => this.field.playing,
      ask: (line) => this.find.put(line), kin: (ids) => this.field.relate(ids), href: (id) => this.href(id),
      go: (run, id) => this.go(run, id), edit: () => this.run.edit, about: () => this.run,
      rest: (rests) => {
        this.field.calm = rests;
        this.field.redraw();
      },
    });
    this.find = new FindBar({
      found: (found) => {
        this.found = found;
        this.arrange();
      },
      asked: (q) => this.remember({ q }),
    });
    this.numbers = new Numbers({
      line: () => this.find.line.value, ask: (line) => this.find.put(line),
      arrange: (across, down) => {
        this.remember({ across, down });
        this.arrange();
      },
      map: async (map) => {
        this.remember({ map });
        const turn = ++this.turn;
        await this.#read(turn);
        if (turn === this.turn) this.arrange();
      },
    });
    this.table = new Table({ open: (id) => this.open(id), href: (id) => this.href(id) });
  }

  get run() { return this.known[this.place]; }

  /** @param {number} life */
  href(life) { return address.href({ ...this.state, life }); }

  #scores() { return /** @type {Float32Array} */ (this.columns.get("score")); }

  /** @param {Partial<address.State>} change @param {boolean} [step] */
  remember(change, step = false) {
    Object.assign(this.state, change);
    address.write(this.state, step);
  }

  /** @param {number} id */
  open(id) {
    this.remember({ life: id }, this.state.life !== id);
    this.#show(id);
  }

  /** @param {number} id */
  #show(id) {
    this.life.open(this.place, id);
    this.field.choose(id);
  }

  #hide() {
    this.field.relate([]);
    this.field.choose(null);
    this.life.close();
  }

  close() {
    this.#hide();
    this.remember({ life: null });
    (the("table").hidden ? the("atlas") : the("table")).focus();
  }

  /** To another run, which may have come about just now. @param {number} place @param {number | null} id */
  async go(place, id) {
    this.known = await runs();
    this.remember({ run: place ? this.known[place].name : "", life: id, q: "", across: "", down: "" }, true);
    await this.load();
  }

  /** The address was changed, by hand or by Back. */
  returned() {
    const before = this.state;
    this.state = address.read();
    if (["run", "across", "down", "map", "view"].some((key) => Reflect.get(before, key) !== Reflect.get(this.state, key))) return this.load();
    if (this.state.q !== before.q) this.find.put(this.state.q);
    if (this.state.life === null) this.#hide();
    else if (this.state.life !== before.life) this.#show(this.state.life);
  }

  /** Loads the run that the address names, and shows what the address asks for. */
  async load() {
    const turn = ++this.turn, named = this.known.findIndex(({ name }) => name === this.state.run), number = Number(this.state.run);
    this.place = named >= 0 ? named : this.known[number] ? number : 0;
    this.remember({ run: this.place ? this.run.name : "" });
    this.#hide();
    this.find.run = this.place;
    the("name").textContent = document.title = this.run.name;
    const choice = /** @type {HTMLSelectElement} */ (the("runs"));
    choice.hidden = the("beside").hidden = this.known.length < 2;
    choice.replaceChildren(...this.known.map(({ name }, k) => new Option(name, String(k), false, k === this.place)));
    [this.all, this.found] = [new Int32Array(0), null];
    this.field.show(this.place, this.run.frames);
    this.look();
    this.#count();
    await this.#read(turn);
    if (turn !== this.turn) return;
    this.field.resize();
    await this.find.put(this.state.q);
    if (this.state.life !== null) this.#show(this.state.life);
  }

  /** @param {number} turn */
  async #read(turn) {
    const coming = this.coming ?? table(this.place, this.state.map);
    this.coming = null;
    const found = await coming;
    if (turn !== this.turn) return;
    const of = (/** @type {string} */ name) => /** @type {Float32Array} */ (found.get(name)?.values);
    this.map = { x: of("map/x"), y: of("map/y") };
    this.columns = new Map(this.run.numbers.map((name) => [name, of(name)]));
    const shown = of("map/shown");
    this.all = Int32Array.from(shown.keys()).filter((id) => shown[id]);
    const none = `${this.run.name} holds no lifeform yet; ${this.run.writing ? "it is being searched, and they come here by themselves" : `search longer: alife resume ${this.run.path}`}`;
    this.say(this.all.length ? "" : none);
  }

  /** Puts those on the wall who are asked for, where the axes say. */
  arrange() {
    const { found, all } = this, there = new Set(all);
    this.chosen = found ? Int32Array.from(found.ids.filter((id) => there.has(id))) : all;
    if (!all.length && !this.columns.size) return; // nothing has been read yet
    const score = this.#scores(), ranked = found?.model != null;
    const key = (/** @type {string} */ name, /** @type {Float32Array} */ otherwise) => this.columns.get(name)?.map((v) => (Number.isNaN(v) ? -Infinity : v)) ?? otherwise;
    this.field.arrange(this.chosen, { x: key(this.state.across, this.map.x), y: key(this.state.down, this.map.y), worth: key("score", score), ranked });
    if (all.length) this.say(this.chosen.length ? "" : "nothing here is like that");
    this.numbers.show(this.run, this.place, this.columns, all, this.chosen, this.state);
    this.table.show(this.run.numbers, this.columns, this.chosen);
    this.#count();
  }

  #count() {
    const [shown, some, all] = [this.field.blocks.length, this.chosen.length, this.all.length];
    if (!all) return say(the("count"), "");
    const of = some < all && this.found?.model == null ? `${whole(some)} of ${whole(all)}` : whole(some);
    say(the("count"), shown < some ? `showing ${whole(shown)} of ${of} lifeforms` : `${of} lifeforms`);
  }

  /** What stands in place of the field. @param {string} said */
  say(said) {
    document.querySelector("main > .failed")?.remove();
    if (said) the("atlas").before(make("p", { class: "failed", role: "status" }, said));
  }

  /** Asks now and then whether a search has found more. */
  async follow() {
    const turn = this.turn;
    try {
      if (document.visibilityState === "visible") {
        const now = await about(this.place), before = this.run;
        if (turn === this.turn) {
          this.known[this.place] = { ...now, lifeforms: before.lifeforms };
          this.#progress();
          if (now.lifeforms !== before.lifeforms) {
            await this.#read(turn);
            if (turn === this.turn) this.run.lifeforms = now.lifeforms;
            this.field.tiles?.forgive();
            if (turn === this.turn) await (this.state.q ? this.find.ask() : this.arrange());
          }
        }
      }
    } catch { /* the server has gone; it may come back */ }
    setTimeout(() => this.follow(), FOLLOW_MS);
  }

  #progress() {
    const { writing, generation, evaluations, rate, best } = this.run;
    if (writing && generation < 0) return say(the("progress"), "the search begins ...");
    say(the("progress"), writing ? `searching: generation ${generation}, ${whole(evaluations)} worlds, ${short(rate)} a second, best ${short(best)}` : "");
  }

  /** Shows the panels that the address asks for. */
  look() {
    document.body.classList.toggle("pane", this.state.view.includes("pane"));
    for (const name of ["number", "list"]) the(name).setAttribute("aria-pressed", String(this.state.view.includes(name)));
    the("numbers").hidden = !this.state.view.includes("number");
    the("table").hidden = !this.state.view.includes("list");
    the("atlas").hidden = !the("table").hidden;
  }

  /** Buttons, sliders, and the choice of runs. */
  listen() {
    const { field } = this, choice = /** @type {HTMLSelectElement} */ (the("runs"));
    choice.addEventListener("change", () => this.go(Number(choice.value), null));
    addEventListener("popstate", () => this.returned());
    const size = /** @type {HTMLInputElement} */ (the("size"));
    size.value = String(field.camera.size);
    size.addEventListener("input", () => {
      field.camera.size = Number(size.value);
      if (this.found?.model != null) this.arrange();
      else field.resize();
    });
    the("fit").addEventListener("click", () => {
      field.camera.fit();
      field.look();
    });
    const play = the("play");
    const tell = () => {
      play.textContent = field.playing ? "Pause" : "Play";
    };
    play.addEventListener("click", () => {
      field.playing = !field.playing;
      tell();
      field.redraw();
    });
    tell();
    for (const name of ["number", "list"]) the(name).addEventListener("click", () => {
      const { view } = this.state;
      this.remember({ view: view.includes(name) ? view.replace(name, "").trim() : `${view} ${name}`.trim() });
      this.look();
      this.arrange();
    });
    addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      this.find.line.focus();
    });
  }
}

async function start() {
  // What takes longest comes first: the browser makes its drawing ready while the server reads.
  const known = runs(), { run, map } = address.read(), first = run || map ? null : table(0, "");
  first?.catch(() => {}); // who waits for it is told
  const page = new Page();
  lit(the("light"), () => page.field.recolour());
  page.coming = first;
  page.known = await known;
  page.listen();
  await page.load();
  page.follow();
}

start().catch((error) => the("atlas").replaceWith(make("p", { class: "failed", role: "alert" }, words(error))));
