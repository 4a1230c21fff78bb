// @ts-check
import { family } from "./api.js";
import { draw, make, whole } from "./dom.js";

/** The family tree of a lifeform: ancestors above it, descendants below. */

const EDGE = 44, ACROSS = 56, DOWN = 66;

/**
 * @param {number} run
 * @param {number} id
 * @param {{link: (id: number, edge: number) => HTMLElement}} told
 * @returns {Promise<{kin: number[], drawn: HTMLElement | null}>} its relatives, and nothing drawn where it has none
 */
export async function tree(run, id, told) {
  const { levels, ties, ancestors, descendants } = await family(run, id), kin = [...ancestors, ...descendants];
  if (!kin.length) return { kin, drawn: null };
  /** @type {Map<number, number[]>} */
  const rows = new Map();
  for (const [one, level] of levels) rows.set(level, [...(rows.get(level) ?? []), one]);
  const depths = [...rows.keys()].sort((a, b) => a - b), widest = Math.max(...[...rows.values()].map((row) => row.length));
  /** @type {Map<number, [number, number]>} */
  const places = new Map();
  depths.forEach((level, at) => {
    const row = /** @type {number[]} */ (rows.get(level));
    for (const [k, one] of row.entries()) places.set(one, [((widest - row.length) / 2 + k) * ACROSS, at * DOWN]);
  });
  const [width, height] = [(widest - 1) * ACROSS + EDGE, (depths.length - 1) * DOWN + EDGE + 18];
  const lines = ties.map(([parent, child]) => {
    const [x, y] = /** @type {[number, number]} */ (places.get(parent)), [u, v] = /** @type {[number, number]} */ (places.get(child));
    const from = y + EDGE + 16, half = EDGE / 2;
    return draw("path", { d: `M${x + half} ${from}C${x + half} ${from + 10} ${u + half} ${v - 10} ${u + half} ${v}` });
  });
  const nodes = [...places].map(([one, [x, y]]) => {
    const link = told.link(one, EDGE);
    [link.style.left, link.style.top] = [`${x}px`, `${y}px`];
    if (one === id) link.setAttribute("aria-current", "true");
    return link;
  });
  const shown = levels.length - 1, said = `${whole(ancestors.length)} ancestor${ancestors.length === 1 ? "" : "s"}, ${whole(descendants.length)} descendant${descendants.length === 1 ? "" : "s"}`;
  const drawn = make("section", { class: "family" }, make("h3", {}, "Family"),
    make("p", { class: "same" }, shown < kin.length ? `${said}; the nearest ${shown} are shown, all are outlined on the map` : `${said}, outlined on the map`),
    make("div", { class: "tree" }, sized(make("div", {}, draw("svg", { viewBox: `0 0 ${width} ${height}`, width: String(width), height: String(height), "aria-hidden": "true" }, ...lines), ...nodes), width, height)));
  return { kin, drawn };
}

/** @param {HTMLElement} element @param {number} width @param {number} height */
function sized(element, width, height) {
  [element.style.width, element.style.height] = [`${width}px`, `${height}px`];
  return element;
}
