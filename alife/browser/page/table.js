// @ts-check
import { button, make, short, the, whole } from "./dom.js";

/** The lifeforms as a table: for those who cannot see the field, and for those who want the numbers. */

const MOST = 500;

export class Table {
  /** @param {(id: number) => void} open */
  constructor(open) {
    this.open = open;
    this.place = the("table");
    this.sort = "";
    this.down = true;
  }

  /**
   * @param {string[]} names
   * @param {Map<string, Float32Array>} columns by lifeform
   * @param {Int32Array} ids in the order in which they were found
   */
  show(names, columns, ids) {
    if (this.place.hidden) return;
    const column = columns.get(this.sort), order = Int32Array.from(ids);
    if (column) {
      const last = this.down ? -Infinity : Infinity, key = (/** @type {number} */ id) => (Number.isNaN(column[id]) ? last : column[id]);
      order.sort((a, b) => (this.down ? key(b) - key(a) : key(a) - key(b)) || a - b);
    }
    const heads = ["lifeform", ...names].map((name) => {
      const head = make("th", { scope: "col", "aria-sort": name !== this.sort ? "none" : this.down ? "descending" : "ascending" });
      head.append(button(name, () => {
        [this.down, this.sort] = [this.sort === name ? !this.down : true, name];
        this.show(names, columns, ids);
      }));
      return head;
    });
    const rows = [...order.subarray(0, MOST)].map((id) => {
      const link = make("a", { href: `#life=${id}` }, String(id));
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this.open(id);
      });
      return make("tr", {}, make("th", { scope: "row" }, link),
        ...names.map((name) => make("td", {}, short(/** @type {Float32Array} */ (columns.get(name))[id]))));
    });
    const said = ids.length > MOST ? `showing ${whole(MOST)} of ${whole(ids.length)} lifeforms` : `${whole(ids.length)} lifeforms`;
    this.place.replaceChildren(make("table", {}, make("caption", {}, said), make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
  }
}
