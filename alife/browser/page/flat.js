// @ts-check
import { withAlpha } from "./film.js";

/** The same as `Painter` of atlas.js for browsers without WebGL2: the canvas does the drawing. */

const STRIDE = 8;

export class FlatPainter {
  /** @param {CanvasRenderingContext2D} context */
  constructor(context) { this.context = context; }

  /**
   * @param {number} frames
   * @param {number} side
   * @param {number} capacity layers
   * @returns {import("./atlas.js").Shelf & {pictures: OffscreenCanvas[]}}
   */
  shelf(frames, side, capacity) {
    /** @type {OffscreenCanvas[]} */
    const pictures = [];
    const put = (/** @type {number} */ layer, /** @type {Uint8Array} */ rgb) => {
      pictures[layer] ??= new OffscreenCanvas(side, frames * side);
      const rgba = new Uint8ClampedArray(withAlpha(rgb).buffer);
      pictures[layer].getContext("2d")?.putImageData(new ImageData(rgba, side, frames * side), 0, 0);
    };
    return { capacity, frames, side, pictures, put, drop: () => { pictures.length = 0; } };
  }

  /**
   * @param {Float32Array} boxes eight numbers each, see the vertex program of atlas.js
   * @param {import("./atlas.js").Shelf & {pictures: OffscreenCanvas[]}} shelf
   * @param {import("./atlas.js").Look} look
   */
  paint(boxes, { frames, side, pictures }, { ratio, ground, bare, loud }) {
    const { context } = this, colour = (/** @type {number[]} */ parts) => `rgb(${parts.map((part) => Math.round(255 * part))})`;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.fillStyle = colour(ground);
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    context.scale(ratio, ratio);
    for (let at = 0; at < boxes.length; at += STRIDE) {
      const [left, top, width, height, layer, opacity, ring, frame] = boxes.subarray(at, at + STRIDE);
      context.globalAlpha = 1;
      context.fillStyle = colour(bare);
      context.fillRect(left, top, width, height);
      if (layer >= 0) {
        context.globalAlpha = opacity;
        context.drawImage(pictures[layer], 0, Math.min(frames - 1, Math.round(frame)) * side, side, side, left, top, width, height);
      }
      if (ring > 0) {
        context.globalAlpha = 1;
        context.strokeStyle = colour(loud);
        context.lineWidth = ring;
        context.strokeRect(left + ring / 2, top + ring / 2, width - ring, height - ring);
      }
    }
  }
}
