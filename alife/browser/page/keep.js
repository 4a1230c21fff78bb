// @ts-check
import { keep } from "./api.js";
import { button, words } from "./dom.js";

/**
 * Files a world, and says where.
 * @param {number} run
 * @param {number} id of its parent
 * @param {{genotype: number[], others?: number[]}} made
 * @param {HTMLElement} said
 * @param {(run: number, id: number) => void} go
 */
export async function keepIt(run, id, made, said, go) {
  if (said.dataset.busy) return;
  said.dataset.busy = "yes";
  said.textContent = "living its whole life once more ...";
  try {
    const kept = await keep(run, id, made);
    said.replaceChildren(`kept as ${kept.name} ${kept.id} `, button("Go there", () => go(kept.run, kept.id), { class: "there" }));
  } catch (error) {
    said.textContent = words(error);
  }
  delete said.dataset.busy;
}
