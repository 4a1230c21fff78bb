// @ts-check
import { button, copied, kept, lit, make, the, words } from "./dom.js";
import { Drawing } from "./drawing.js";
import { copy, found, group, move, remove } from "./level.js";
import { showPanel } from "./panel.js";
import { KEYS, Play } from "./play.js";
import { begin, enlarge, file, open, save } from "./server.js";
import { TOOLS } from "./tools.js";

/** The page: a level, what was done to it, and the tool in hand. */

/** @typedef {import("./level.js").Level} Level */
/** @typedef {import("./level.js").Part} Part */

const MOST_UNDONE = 200;
/** By how much arrows move what is chosen, metres. @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, 0.01], ArrowDown: [0, -0.01] };
const about = await begin();
const canvas = /** @type {HTMLCanvasElement} */ (the("scene")), drawing = new Drawing(canvas, about.colours);
const play = new Play((level, told) => drawing.draw(level, { told }), say);

const bench = {
  about, level: about.state, chosen: /** @type {Part | null} */ (null),
  change, choose, enlarge: (/** @type {string} */ size) => tried(async () => become((await enlarge(bench.level, size)).state)),
};
let tool = TOOLS[0], saved = JSON.stringify(bench.level);
/** Levels before and after this one. @type {string[]} */
const past = [], future = /** @type {string[]} */ ([]);
/** What the hand does now. @type {{use: import("./tools.js").Use, was: string, from: import("./geometry.js").Pair, to: import("./geometry.js").Pair, moved: boolean} | null} */
let doing = null;

/** @param {string} said @param {boolean} [wrong] */
function say(said, wrong = false) {
  the("said").textContent = said;
  the("said").classList.toggle("wrong", wrong);
}

/** @param {() => unknown} act */
async function tried(act) {
  try {
    await act();
  } catch (error) {
    say(words(error), true);
  }
}

function show() {
  const focus = kept(the("panel"));
  if (!found(bench.level, bench.chosen)) bench.chosen = null;
  showPanel(bench, the("panel"));
  focus();
  the("name").textContent = `${about.file}${JSON.stringify(bench.level) === saved ? "" : ", not saved"}`;
  /** @type {HTMLButtonElement} */ (the("undo")).disabled = !past.length;
  /** @type {HTMLButtonElement} */ (the("redo")).disabled = !future.length;
  look();
}

function look() {
  const draft = doing?.use.draft?.(doing.to) ?? null;
  drawing.draw(bench.level, { chosen: bench.chosen, draft });
}

/** @param {Level} level */
function become(level) {
  past.push(JSON.stringify(bench.level));
  past.splice(0, past.length - MOST_UNDONE);
  future.length = 0;
  bench.level = level;
  show();
}

/** Does something to the level: all of it, or nothing where it cannot be. @param {(level: Level) => Part | null | void} deed */
function change(deed) {
  tried(() => {
    const level = structuredClone(bench.level), part = deed(level);
    if (part !== undefined) bench.chosen = part;
    say(tool.hint);
    become(level);
  });
}

/** @param {Part | null} part */
function choose(part) {
  bench.chosen = part;
  show();
}

/** @param {string[]} from @param {string[]} to */
function back(from, to) {
  const level = from.pop();
  if (!level) return;
  to.push(JSON.stringify(bench.level));
  bench.level = JSON.parse(level);
  show();
}

/** @param {typeof tool} next */
function take(next) {
  tool = next;
  for (const choice of the("kit").querySelectorAll("[aria-pressed]")) choice.setAttribute("aria-pressed", String(choice.id === `tool-${next.name}`));
  say(next.hint);
}

async function toggle() {
  if (play.going) {
    play.stop();
    kit();
    take(tool);
    return look();
  }
  the("kit").replaceChildren(button("Back to building", toggle, { id: "play" }), make("h3", {}, "Hold"), play.pad(bench.level));
  canvas.focus();
  await tried(() => play.start(bench.level));
}

function kit() {
  const tools = TOOLS.map((one) => button(one.name, () => take(one), { id: `tool-${one.name}`, "aria-pressed": "false" }));
  tools.forEach((choice, i) => choice.append(make("kbd", {}, TOOLS[i].key.toUpperCase())));
  the("kit").replaceChildren(...tools, button("Play", toggle, { id: "play" }),
    make("h3", {}, "To have it solved, save it, and"), copied(`alife search physics_level --set options.level=${about.file} --score reward --search CMA_ES`, "the command"));
}

canvas.addEventListener("pointerdown", (event) => {
  if (play.going || event.button) return;
  const from = drawing.at(event);
  canvas.setPointerCapture(event.pointerId);
  doing = { use: tool.press(bench.level, from, bench.chosen, drawing.pixel), was: JSON.stringify(bench.level), from, to: from, moved: false };
});
canvas.addEventListener("pointermove", (event) => {
  if (!doing) return;
  doing.to = drawing.at(event);
  doing.moved ||= Math.hypot(doing.to[0] - doing.from[0], doing.to[1] - doing.from[1]) > 2 * drawing.pixel;
  if (doing.moved && doing.use.drag) {
    bench.level = JSON.parse(doing.was);
    bench.chosen = doing.use.drag(bench.level, doing.to, event);
  }
  look();
});
canvas.addEventListener("pointerup", (event) => {
  if (!doing) return;
  const { use, was, to, moved } = doing;
  doing = null;
  bench.level = JSON.parse(was);
  if (moved && use.drag) {
    const drag = use.drag;
    return change((level) => drag(level, to, event));
  }
  if (tool === TOOLS[0]) return choose(use.drop?.(bench.level, to, event) ?? null);
  change((level) => use.drop?.(level, to, event));
  if (!event.shiftKey && !the("said").classList.contains("wrong")) take(TOOLS[0]);
});
canvas.addEventListener("pointercancel", () => {
  if (doing) bench.level = JSON.parse(doing.was);
  doing = null;
  show();
});

addEventListener("keydown", (event) => {
  const { target } = event, key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
  if (play.going) {
    if (key === "Escape") toggle();
    else if (KEYS[key] && !(target instanceof HTMLButtonElement && key === " ")) play.hold(key, true);
    else return;
    return event.preventDefault();
  }
  const { chosen } = bench, arrow = ARROWS[key];
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") back(...(event.shiftKey ? /** @type {const} */ ([future, past]) : /** @type {const} */ ([past, future])));
    else if (key === "s") the("save").click();
    else if (key === "d" && chosen?.kind === "shape") change((level) => copy(level, chosen.at));
    else return;
  } else if (chosen && (key === "Delete" || key === "Backspace")) change((level) => (remove(level, chosen), null));
  else if (key === "Escape") choose(null);
  else if (arrow && chosen?.kind === "shape" && target === canvas) change((level) => move(level, group(level, chosen.at), ...arrow));
  else if (TOOLS.some((one) => one.key === key)) take(/** @type {typeof tool} */ (TOOLS.find((one) => one.key === key)));
  else return;
  event.preventDefault();
});
addEventListener("keyup", (event) => play.hold(event.key.length === 1 ? event.key.toLowerCase() : event.key, false));
addEventListener("blur", () => { for (const key of [...play.down]) play.hold(key, false); });
addEventListener("resize", () => { if (!play.going) look(); });
addEventListener("beforeunload", (event) => { if (JSON.stringify(bench.level) !== saved) event.preventDefault(); });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const dropped = event.dataTransfer?.files[0];
  if (dropped) tried(async () => become((await open({ text: await dropped.text() })).state));
});

the("undo").addEventListener("click", () => back(past, future));
the("redo").addEventListener("click", () => back(future, past));
the("save").addEventListener("click", () => tried(async () => {
  const now = JSON.stringify(bench.level), { file: name } = await save(bench.level);
  saved = now;
  show();
  say(`saved as ${name}`);
}));
the("download").addEventListener("click", () => tried(async () => {
  const link = make("a", { download: about.file, href: URL.createObjectURL(new Blob([JSON.stringify(await file(bench.level))], { type: "application/json" })) });
  link.click();
  URL.revokeObjectURL(link.href);
}));
const levels = /** @type {HTMLSelectElement} */ (the("open"));
levels.append(make("option", { value: "" }, "Open ..."), ...about.levels.map((name) => make("option", {}, name)));
levels.addEventListener("change", () => tried(async () => {
  const level = levels.value;
  levels.value = "";
  become((await open({ level })).state);
}));
lit(the("light"), () => {});
document.title = about.file;
kit();
take(tool);
show();
