// @ts-check
import { button, kept, make, short, the, whole } from "./dom.js";

/** The lifeforms as a table: for those who cannot see the field, and for those who want the numbers. */

const MOST = 500;
/** Head of the column of numbers. */
const FIRST = "lifeform";

export class Table {
  /** @param {{open: (id: number) => void, href: (id: number) => string}} told */
  constructor(told) {
    this.told = told;
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
    const focus = kept(this.place);
    const column = this.sort === FIRST ? undefined : columns.get(this.sort), order = Int32Array.from(ids);
    if (column) {
      const last = this.down ? -Infinity : Infinity, key = (/** @type {number} */ id) => (Number.isNaN(column[id]) ? last : column[id]);
      order.sort((a, b) => (this.down ? key(b) - key(a) : key(a) - key(b)) || a - b);
    }
    if (this.sort === FIRST) order.sort((a, b) => (this.down ? b - a : a - b));
    const heads = [FIRST, ...names].map((name) => {
      const head = make("th", { scope: "col", "aria-sort": name !== this.sort ? "none" : this.down ? "descending" : "ascending" });
      head.append(button(name, () => {
        [this.down, this.sort] = [this.sort === name ? !this.down : true, name];
        this.show(names, columns, ids);
      }, { "data-focus": name }));
      return head;
    });
    const rows = [...order.subarray(0, MOST)].map((id) => {
      const link = make("a", { href: this.told.href(id) }, String(id));
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // to a tab of its own
        event.preventDefault();
        this.told.open(id);
      });
      return make("tr", {}, make("th", { scope: "row" }, link),
        ...names.map((name) => make("td", {}, short(/** @type {Float32Array} */ (columns.get(name))[id]))));
    });
    const said = ids.length > MOST ? `showing ${whole(MOST)} of ${whole(ids.length)} lifeforms` : `${whole(ids.length)} lifeforms`;
    this.place.replaceChildren(make("table", {}, make("caption", {}, said), make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows)));
    focus();
  }
}
