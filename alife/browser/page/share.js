// @ts-check
import { share } from "./api.js";
import { button, make, words } from "./dom.js";

/** Files to take away. */

const ENDINGS = { lifeform: ["gif", "mp4", "webp", "png", "npz", "html"], run: ["png", "webp", "html", "csv", "parquet"] };

/**
 * A button for each kind of file.
 * @param {number} run
 * @param {string} name of the run
 * @param {number | null} id of the lifeform; null: the run
 */
export function files(run, name, id) {
  const said = make("p", { class: "verdict", role: "status" });
  const take = async (/** @type {string} */ ending) => {
    said.textContent = `making the .${ending} ...`;
    try {
      const address = URL.createObjectURL(await share(run, id, ending));
      make("a", { href: address, download: `${name}${id === null ? "" : `-${id}`}.${ending}` }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      said.textContent = `the .${ending} is among your downloads`;
    } catch (error) {
      said.textContent = words(error);
    }
  };
  const kinds = ENDINGS[id === null ? "run" : "lifeform"];
  return make("div", {}, make("div", { class: "row" }, ...kinds.map((ending) => button(ending, () => take(ending), { "data-ending": ending }))), said);
}
