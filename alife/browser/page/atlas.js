// @ts-check
/**
 * Draws blocks of the wall: pictures that move where they have come, and a quiet square where they have not.
 *
 * Pictures lie on a shelf: one layer of a texture array per lifeform, its frames one below the other.
 * @typedef {{capacity: number, frames: number, side: number, put: (layer: number, frames: Uint8Array) => void,
 *   drop: () => void}} Shelf
 */

const VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 box;    // left, top, width, height in pixels
layout(location = 2) in vec4 look;   // layer or -1, opacity of the picture, ring, frame
uniform vec2 view;
out vec2 at;
out vec2 size;
flat out vec4 seen;
void main() {
  at = corner;
  size = box.zw;
  seen = look;
  vec2 place = (box.xy + corner * box.zw) / view;
  gl_Position = vec4(place.x * 2.0 - 1.0, 1.0 - place.y * 2.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2DArray;
uniform sampler2DArray pictures;
uniform float count;   // frames of a lifeform, one below the other
uniform float side;    // of a frame, pixels
uniform vec3 bare;
uniform vec3 loud;
in vec2 at;
in vec2 size;
flat in vec4 seen;
out vec4 colour;
vec3 moment(float k) {
  vec2 inside = clamp(at, 0.5 / side, 1.0 - 0.5 / side);
  return texture(pictures, vec3(inside.x, (k + inside.y) / count, seen.x)).rgb;
}
void main() {
  float radius = min(7.0, 0.12 * size.x);
  vec2 edge = abs((at - 0.5) * size) - 0.5 * size + radius;
  float away = length(max(edge, 0.0)) + min(max(edge.x, edge.y), 0.0) - radius;
  vec3 shown = bare;
  if (seen.x >= 0.0) {
    float now = floor(seen.w), next = min(now + 1.0, count - 1.0);
    shown = mix(bare, mix(moment(now), moment(next), smoothstep(0.0, 1.0, fract(seen.w))), seen.y);
  }
  if (seen.z > 0.0) shown = mix(shown, loud, smoothstep(-seen.z - 1.0, -seen.z, away));
  float cover = 1.0 - smoothstep(-1.0, 0.0, away);
  colour = vec4(shown * cover, cover);
}`;

const STRIDE = 8;

/** @typedef {{ratio: number, ground: number[], bare: number[], loud: number[]}} Look pixels drawn per CSS pixel, colours */

export class Painter {
  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.gl = gl;
    this.program = program(gl, VERTEX, FRAGMENT);
    const at = (/** @type {string} */ name) => gl.getUniformLocation(this.program, name);
    this.uniforms = { view: at("view"), count: at("count"), side: at("side"), bare: at("bare"), loud: at("loud") };
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.boxes = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.boxes);
    for (const [place, from] of [[1, 0], [2, 16]]) {
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, 4, gl.FLOAT, false, STRIDE * 4, from);
      gl.vertexAttribDivisor(place, 1);
    }
  }

  /**
   * @param {number} frames
   * @param {number} side
   * @param {number} most layers
   * @returns {Shelf & {texture: WebGLTexture}}
   */
  shelf(frames, side, most) {
    const { gl } = this, texture = gl.createTexture(), capacity = Math.min(most, gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS));
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGB8, side, frames * side, capacity);
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    ]) gl.texParameteri(gl.TEXTURE_2D_ARRAY, name, value);
    const put = (/** @type {number} */ layer, /** @type {Uint8Array} */ pictures) => {
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, layer, side, frames * side, 1, gl.RGB, gl.UNSIGNED_BYTE, pictures);
    };
    return { capacity, frames, side, texture, put, drop: () => gl.deleteTexture(texture) };
  }

  /**
   * @param {Float32Array} boxes eight numbers each, see the vertex program
   * @param {Shelf & {texture: WebGLTexture}} shelf
   * @param {Look} look
   */
  paint(boxes, shelf, { ratio, ground, bare, loud }) {
    const { gl, uniforms } = this, { width, height } = gl.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(ground[0], ground[1], ground[2], 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.boxes);
    gl.bufferData(gl.ARRAY_BUFFER, boxes, gl.STREAM_DRAW);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, shelf.texture);
    gl.uniform2f(uniforms.view, width / ratio, height / ratio);
    gl.uniform1f(uniforms.count, shelf.frames);
    gl.uniform1f(uniforms.side, shelf.side);
    gl.uniform3fv(uniforms.bare, bare);
    gl.uniform3fv(uniforms.loud, loud);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, boxes.length / STRIDE);
  }
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {string} vertex
 * @param {string} fragment
 */
function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, text] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? "shader");
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) ?? "program");
  return made;
}
