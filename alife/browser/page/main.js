// @ts-check
import { runs, table } from "./api.js";
import { Field } from "./field.js";
import { LifePage, short } from "./life.js";

/** Puts the page together; which run and which lifeform is open stands in the address. */

/** @template {HTMLElement} T @param {string} id @returns {T} */
const the = (id) => /** @type {T} */ (document.getElementById(id));

/** @param {string} said */
function fail(said) {
  const line = document.createElement("p");
  [line.className, line.textContent] = ["failed", said];
  line.setAttribute("role", "alert");
  the("atlas").replaceWith(line);
}

async function start() {
  document.documentElement.classList.toggle("light", localStorage.getItem("light") === "true");
  const known = await runs(), state = new URLSearchParams(location.hash.slice(1));
  let run = Math.min(known.length - 1, Math.max(0, Number(state.get("run")) || 0));
  /** @type {{x: Float32Array, y: Float32Array, score: Float32Array, shown: Uint8Array}} */
  let columns;

  const remember = (/** @type {number | null} */ id) => {
    const words = new URLSearchParams();
    if (run) words.set("run", String(run));
    if (id !== null) words.set("life", String(id));
    history.replaceState(null, "", `#${words}`);
  };
  const open = (/** @type {number} */ id) => {
    field.choose(id);
    remember(id);
    page.open(run, id);
  };
  const close = () => {
    field.choose(null);
    remember(null);
    page.close();
    the("atlas").focus();
  };
  const field = new Field(the("atlas"), {
    open,
    point: (id) => { the("hint").textContent = id === null ? "" : `lifeform ${id}, score ${short(columns.score[id])}`; },
    moved: () => {
      if (!field.wall.length) return;
      const [shown, all] = [field.blocks.length, field.wall.length];
      the("count").textContent = shown < all ? `showing ${shown.toLocaleString("en")} of ${all.toLocaleString("en")} lifeforms` : `${all.toLocaleString("en")} lifeforms`;
    },
  });
  const page = new LifePage(the("life"), { open, close, playing: () => field.playing });

  const load = async () => {
    const about = known[run], found = await table(run);
    const of = (/** @type {string} */ name) => /** @type {any} */ (found.get(name)?.values);
    columns = { x: of("x"), y: of("y"), score: of("score").map((/** @type {number} */ v) => (Number.isNaN(v) ? -Infinity : v)), shown: of("shown") };
    the("name").textContent = document.title = about.name;
    const ids = Int32Array.from(columns.shown.keys()).filter((id) => columns.shown[id]);
    if (!ids.length) return fail(`${about.name} holds no lifeform yet; search longer: alife resume ${about.path}`);
    field.resize();
    field.show(run, about.frames);
    field.arrange(ids, columns);
  };

  const choice = /** @type {HTMLSelectElement} */ (the("runs"));
  choice.hidden = known.length < 2;
  choice.replaceChildren(...known.map(({ name }, k) => new Option(name, String(k), false, k === run)));
  choice.addEventListener("change", () => {
    run = Number(choice.value);
    close();
    load();
  });
  const size = /** @type {HTMLInputElement} */ (the("size"));
  size.value = String(field.camera.size);
  size.addEventListener("input", () => {
    field.camera.size = Number(size.value);
    field.resize();
  });
  the("fit").addEventListener("click", () => {
    field.camera.fit();
    field.look();
  });
  const play = the("play");
  const say = () => {
    play.textContent = field.playing ? "Pause" : "Play";
    play.setAttribute("aria-pressed", String(field.playing));
  };
  play.addEventListener("click", () => {
    field.playing = !field.playing;
    say();
    field.redraw();
  });
  say();
  the("light").addEventListener("click", () => {
    const root = document.documentElement;
    localStorage.setItem("light", String(root.classList.toggle("light")));
    field.recolour();
  });
  await load();
  const wanted = state.get("life");
  if (wanted !== null) open(Number(wanted));
}

start().catch((error) => fail(error instanceof Error ? error.message : String(error)));
