// @ts-check
/**
 * What the address remembers, so that a view can be kept and shared; `run` is a name, empty for the first run.
 * @typedef {{run: string, life: number | null, q: string, across: string, down: string, map: string, view: string}} State
 */

/** @param {string} [hash] @returns {State} */
export function read(hash = location.hash) {
  const words = new URLSearchParams(hash.replace(/^#/, "")), life = words.get("life") ?? "";
  const of = (/** @type {string} */ name) => words.get(name) ?? "";
  return {
    run: of("run"), life: /^\d{1,9}$/.test(life) ? Number(life) : null,
    q: of("q"), across: of("across"), down: of("down"), map: of("map"), view: of("view"),
  };
}

/** The address of a view. @param {State} state */
export function href({ life, ...others }) {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(others)) if (value) words.set(name, value);
  if (life !== null) words.set("life", String(life));
  return `#${words}`;
}

/** @param {State} state @param {boolean} [step] whether the browser's Back should lead to what was there before */
export function write(state, step = false) {
  if (step) history.pushState(null, "", href(state));
  else history.replaceState(null, "", href(state));
}
