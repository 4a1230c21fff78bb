// @ts-check
/**
 * The wall: every lifeform in a cell of its own, alike near alike, no cell left empty but at the end.
 *
 * Lifeforms are divided by the place that the map gives them, left and right, above and below in turn, until each has
 * one cell.  From afar a block of 2, 4, 8 ... cells along an edge shows the best of those that are in it.
 */

const EMPTY = -1;

export class Wall {
  /**
   * @param {Int32Array} ids who is on it
   * @param {Float32Array} x place on the map by id, in [0, 1]
   * @param {Float32Array} y
   * @param {Float32Array} worth by id: the highest of a block stands for it
   * @param {number} aspect width / height that it should have
   * @param {number | null} [across] cells of a row, where they stand row by row in the order of `ids`, not by the map
   */
  constructor(ids, x, y, worth, aspect, across = null) {
    this.length = ids.length;
    this.columns = across ?? Math.max(1, Math.min(ids.length, Math.round(Math.sqrt(ids.length * aspect))));
    this.rows = Math.max(1, Math.ceil(ids.length / this.columns));
    this.worth = worth;
    /** Who is in each cell, row by row. */
    this.cells = new Int32Array(this.columns * this.rows).fill(EMPTY);
    /** @type {Map<number, [number, number]>} */
    this.places = new Map();
    /** @type {{columns: number, rows: number, cells: Int32Array}[]} */
    this.levels = [{ columns: this.columns, rows: this.rows, cells: this.cells }];
    if (across !== null) {
      for (const [at, id] of ids.entries()) this.#put(id, at % this.columns, Math.floor(at / this.columns));
    } else this.#divide(ids.slice(), x, y, 0, 0, this.columns, this.rows);
  }

  /** @param {number} id @param {number} column @param {number} row */
  #put(id, column, row) {
    this.cells[row * this.columns + column] = id;
    this.places.set(id, [column, row]);
  }

  /**
   * Who stands for each block of 2^k cells along an edge.
   * @param {number} k
   */
  level(k) {
    while (this.levels.length <= k) this.levels.push(this.#halved(this.levels[this.levels.length - 1]));
    return this.levels[k];
  }

  /**
   * @param {Int32Array} ids
   * @param {Float32Array} x
   * @param {Float32Array} y
   * @param {number} column
   * @param {number} row
   * @param {number} columns
   * @param {number} rows
   */
  #divide(ids, x, y, column, row, columns, rows) {
    if (!ids.length) return;
    if (columns * rows === 1) {
      this.#put(ids[0], column, row);
      return;
    }
    if (columns >= rows) {
      const half = columns >> 1, count = Math.min(ids.length, half * rows);
      partition(ids, x, count);
      this.#divide(ids.subarray(0, count), x, y, column, row, half, rows);
      this.#divide(ids.subarray(count), x, y, column + half, row, columns - half, rows);
    } else {
      const half = rows >> 1, count = Math.min(ids.length, half * columns);
      partition(ids, y, count);
      this.#divide(ids.subarray(0, count), x, y, column, row, columns, half);
      this.#divide(ids.subarray(count), x, y, column, row + half, columns, rows - half);
    }
  }

  /** @param {{columns: number, rows: number, cells: Int32Array}} fine */
  #halved(fine) {
    const columns = (fine.columns + 1) >> 1, rows = (fine.rows + 1) >> 1;
    const cells = new Int32Array(columns * rows).fill(EMPTY);
    for (let row = 0; row < fine.rows; row++) {
      for (let column = 0; column < fine.columns; column++) {
        const id = fine.cells[row * fine.columns + column], at = (row >> 1) * columns + (column >> 1);
        if (id !== EMPTY && (cells[at] === EMPTY || this.worth[id] > this.worth[cells[at]])) cells[at] = id;
      }
    }
    return { columns, rows, cells };
  }
}

/**
 * The `count` ids of the lowest keys come first, in any order (quickselect).
 * @param {Int32Array} ids
 * @param {Float32Array} keys by id
 * @param {number} count
 */
export function partition(ids, keys, count) {
  let low = 0, high = ids.length - 1;
  while (low < high) {
    const pivot = keys[ids[(low + high) >> 1]];
    let i = low, j = high;
    while (i <= j) {
      while (keys[ids[i]] < pivot) i++;
      while (keys[ids[j]] > pivot) j--;
      if (i <= j) {
        [ids[i], ids[j]] = [ids[j], ids[i]];
        i++;
        j--;
      }
    }
    if (count - 1 <= j) high = j;
    else if (count - 1 >= i) low = i;
    else return;
  }
}
