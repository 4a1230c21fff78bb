// @ts-check
import { share } from "./api.js";
import { button, make, words } from "./dom.js";

/** Files to take away. */

/**
 * A button for each kind of file.
 * @param {number} run
 * @param {import("./api.js").Run} about it
 * @param {number | null} id of the lifeform; null: the run
 */
export function files(run, { name, endings }, id) {
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
  const kinds = endings[id === null ? "run" : "lifeform"];
  return make("div", {}, make("div", { class: "row" }, ...kinds.map((ending) => button(ending, () => take(ending), { "data-ending": ending }))), said);
}
