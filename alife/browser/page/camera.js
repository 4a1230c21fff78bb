// @ts-check
/** The part of the wall that is in view.  Places on the wall are in cells, on the screen in CSS pixels; y downwards. */
export class Camera {
  constructor() {
    /** Middle of the view. */
    this.x = 0;
    this.y = 0;
    /** Pixels that a cell is wide. */
    this.scale = 1;
    this.width = 1;
    this.height = 1;
    /** Cells of the whole wall. */
    this.columns = 1;
    this.rows = 1;
    /** Least edge of a picture, pixels. */
    this.size = 72;
    /** Whether the wall is a list as wide as the view, in place of a map: cells are never joined. */
    this.list = false;
  }

  /** How often cells are joined, two by two along an edge, for a picture to be no smaller than wished. */
  get level() {
    if (this.list) return 0;
    const most = Math.ceil(Math.log2(Math.max(this.columns, this.rows, 1)));
    return Math.min(most, Math.max(0, Math.ceil(Math.log2(this.size / this.scale) - 1e-6)));
  }

  /** Scale at which the whole wall is in view; the last blocks along an edge may stand out over its end. */
  get least() {
    if (this.list) return this.width / this.columns;
    for (let step = 1; ; step *= 2) {
      const columns = Math.ceil(this.columns / step), rows = Math.ceil(this.rows / step);
      const edge = Math.min(this.width / columns, this.height / rows);
      if (edge >= this.size || columns * rows === 1) return edge / step;
    }
  }

  /** Edge of the wall, in whole blocks of what is shown. @param {number} cells */
  #whole(cells) {
    const step = 2 ** this.level;
    return Math.ceil(cells / step) * step;
  }

  fit() {
    this.scale = this.least;
    if (this.list) this.y = 0;
    this.hold();
  }

  /** @param {number} x @param {number} y @returns {[number, number]} */
  toScreen(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 + (y - this.y) * this.scale];
  }

  /** @param {number} left @param {number} top @returns {[number, number]} */
  toWall(left, top) {
    return [this.x + (left - this.width / 2) / this.scale, this.y + (top - this.height / 2) / this.scale];
  }

  /** Moves the wall by so many pixels. @param {number} right @param {number} down */
  pan(right, down) {
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.hold();
  }

  /** What is under a place of the screen stays there. @param {number} times @param {number} left @param {number} top */
  zoom(times, left, top) {
    const [x, y] = this.toWall(left, top);
    this.scale = Math.min(Math.max(this.least, Math.min(this.width, this.height)), Math.max(this.least, this.scale * times));
    this.x = x - (left - this.width / 2) / this.scale;
    this.y = y - (top - this.height / 2) / this.scale;
    this.hold();
  }

  /** The view never leaves the wall; along an axis that is wholly in view it stays in the middle. */
  hold() {
    const within = (/** @type {number} */ at, /** @type {number} */ cells, /** @type {number} */ pixels) => {
      const half = pixels / this.scale / 2;
      return half * 2 >= cells ? cells / 2 : Math.min(cells - half, Math.max(half, at));
    };
    this.x = within(this.x, this.#whole(this.columns), this.width);
    this.y = within(this.y, this.#whole(this.rows), this.height);
  }
}
