// @ts-check
/**
 * What the address remembers, so that a view can be kept and shared.
 * @typedef {{run: number, life: number | null, q: string, across: string, down: string, map: string, view: string}} State
 */

/** @returns {State} */
export function read() {
  const words = new URLSearchParams(location.hash.slice(1)), life = words.get("life");
  return {
    run: Number(words.get("run")) || 0,
    life: life === null ? null : Number(life),
    q: words.get("q") ?? "",
    across: words.get("across") ?? "",
    down: words.get("down") ?? "",
    map: words.get("map") ?? "",
    view: words.get("view") ?? "",
  };
}

/** @param {State} state */
export function write({ run, life, q, across, down, map, view }) {
  const words = new URLSearchParams();
  if (run) words.set("run", String(run));
  if (life !== null) words.set("life", String(life));
  for (const [name, value] of Object.entries({ q, across, down, map, view })) if (value) words.set(name, value);
  history.replaceState(null, "", `#${words}`);
}
