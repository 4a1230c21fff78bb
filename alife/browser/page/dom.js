// @ts-check
/** Small helpers for elements and words. */

/** @template {HTMLElement} T @param {string} id @returns {T} */
export const the = (id) => /** @type {T} */ (document.getElementById(id));

/**
 * @param {Element} element
 * @param {Record<string, string>} attributes
 * @param {(Node | string | null)[]} inside
 */
function filled(element, attributes, inside) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside.filter((part) => part !== null));
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string | null)} inside
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  filled(element, attributes, inside);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string | null)} inside
 * @returns {SVGElementTagNameMap[K]}
 */
export function draw(tag, attributes = {}, ...inside) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  filled(element, attributes, inside);
  return element;
}

/**
 * @param {string} said
 * @param {() => unknown} act
 * @param {Record<string, string>} [attributes]
 */
export function button(said, act, attributes = {}) {
  const made = make("button", { type: "button", ...attributes }, said);
  made.addEventListener("click", act);
  return made;
}

/** @param {string} text @param {string} what */
export function copied(text, what) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  }, { "aria-label": `Copy ${what}` });
  return make("div", { class: "code" }, make("pre", { tabindex: "0" }, text), copy);
}

/**
 * Remembers who has the focus in a part of the page that is about to be drawn anew, and what was typed there.
 * @param {HTMLElement} place
 * @returns {() => void} gives the focus back to who carries the same `data-focus`
 */
export function kept(place) {
  const active = /** @type {HTMLInputElement | null} */ (document.activeElement), name = active?.dataset.focus;
  if (!active || !name || !place.contains(active)) return () => {};
  const typed = active.value;
  return () => {
    const now = /** @type {HTMLInputElement | null} */ (place.querySelector(`[data-focus="${CSS.escape(name)}"]`));
    if (now && now.type === "number" && typed !== now.value) now.value = typed;
    now?.focus();
  };
}

/**
 * Writes a text where it is not there already: writing it again would draw the page anew.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A button between light and dark, which all pages of this server share.
 * @param {HTMLElement} light
 * @param {() => void} changed
 */
export function lit(light, changed) {
  const show = () => {
    document.documentElement.classList.toggle("light", localStorage.getItem("light") === "true");
    light.textContent = document.documentElement.classList.contains("light") ? "Dark" : "Light";
    changed();
  };
  light.addEventListener("click", () => {
    localStorage.setItem("light", String(!document.documentElement.classList.contains("light")));
    show();
  });
  addEventListener("storage", show);
  show();
}

/** @param {number | null} value */
export const short = (value) => (value === null ? "none" : Number(value.toPrecision(4)).toString());

/** @param {number} value */
export const whole = (value) => value.toLocaleString("en");

/** @param {unknown} error */
export const words = (error) => (error instanceof Error ? error.message : String(error));
