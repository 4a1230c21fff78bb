"use strict";
// The page is whole without this: scripts open views, light up lines, pause pictures and copy text.
document.documentElement.classList.add("js");

document.addEventListener("DOMContentLoaded", () => {
  const id = (name) => document.getElementById(name);
  pausing(document.documentElement, id("pause"));
  viewing(id("view"), id("slot"), id("lives"), id("field"));
  walking(id("field"));
  if (id("tree")) lighting(id("tree"), id("hint"));
  document.addEventListener("click", copying);
});

function pausing(root, button) {
  let moving = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const say = () => {
    root.classList.toggle("paused", !moving);
    button.textContent = moving ? "Pause" : "Play";
  };
  button.addEventListener("click", () => { moving = !moving; say(); });
  say();
}

function viewing(dialog, slot, store, field) {
  const tiles = [...field.querySelectorAll(".tile")].map((tile) => tile.hash.slice(1));
  const others = [...store.children].map((life) => life.id).filter((life) => !tiles.includes(life));
  const order = [...tiles, ...others];
  const tile = (life) => field.querySelector(`.tile[href="#${life}"]`);
  let open = "", first = "", opener = null;

  function show() {
    const life = document.getElementById(location.hash.slice(1));
    if (!life || !order.includes(life.id)) return dialog.close();
    open = life.id;
    store.append(...slot.children);
    slot.append(life);
    const loop = tile(open)?.querySelector(".loop");
    const figure = life.querySelector("figure");
    if (loop && !figure.querySelector(".loop")) figure.append(loop.cloneNode());
    if (!dialog.open) {
      first = open;
      dialog.showModal();
    }
    dialog.setAttribute("aria-label", life.getAttribute("aria-label"));
    dialog.scrollTop = 0;
    life.focus({ preventScroll: true });
  }

  function step(by) {
    const next = (order.indexOf(open) + by + order.length) % order.length;
    location.replace(`#${order[next]}`);
  }

  dialog.addEventListener("close", () => {
    store.append(...slot.children);
    if (location.hash.slice(1) === open) history.replaceState(null, "", "#");
    (open === first && opener ? opener : tile(open))?.focus();
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("pre")) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  document.getElementById("before").addEventListener("click", () => step(-1));
  document.getElementById("after").addEventListener("click", () => step(1));
  document.getElementById("close").addEventListener("click", () => dialog.close());
  // remembered here, as a browser takes the focus away when it goes to a fragment
  document.addEventListener("click", (event) => { if (!dialog.open) opener = event.target.closest("a"); });
  addEventListener("hashchange", show);
  if (location.hash.length > 1) show();
}

// Arrow keys go to the nearest thing that way, in the field of pictures and, in the tree, along the lines.
function walking(field) {
  field.addEventListener("keydown", (event) => {
    const here = event.target.closest(".tile");
    const to = here && nearest([...field.querySelectorAll(".tile")], here, event.key);
    if (!to) return;
    event.preventDefault();
    to.focus();
  });
}

const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function nearest(things, here, key) {
  const [right, down] = WAYS[key] ?? [0, 0];
  const middle = (thing) => {
    const box = thing.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const [x, y] = middle(here);
  let best, least = Infinity;
  for (const thing of things) {
    const [dx, dy] = middle(thing).map((value, i) => value - [x, y][i]);
    const along = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right);
    if (along > 1 && along + 3 * aside < least) [best, least] = [thing, along + 3 * aside];
  }
  return best;
}

function lighting(tree, hint) {
  const nodes = new Map([...tree.querySelectorAll(".node")].map((node) => [node.dataset.id, node]));
  const edges = [...tree.querySelectorAll("[data-to]")];
  const up = new Map(), down = new Map(), said = hint.textContent;
  for (const { dataset: { from, to } } of edges) {
    up.set(to, [...(up.get(to) ?? []), from]);
    down.set(from, [...(down.get(from) ?? []), to]);
  }
  const reach = (links, start) => {
    const found = new Set(), left = [start];
    while (left.length) for (const next of links.get(left.pop()) ?? []) if (!found.has(next)) { found.add(next); left.push(next); }
    return found;
  };

  function light(node) {
    const self = node.dataset.id, before = reach(up, self), after = reach(down, self);
    for (const [other, there] of nodes) {
      there.classList.toggle("self", other === self);
      there.classList.toggle("before", before.has(other));
      there.classList.toggle("after", after.has(other));
    }
    for (const edge of edges) {
      const { from, to } = edge.dataset;
      edge.classList.toggle("before", before.has(from) && (to === self || before.has(to)));
      edge.classList.toggle("after", after.has(to) && (from === self || after.has(from)));
    }
    tree.classList.add("lit");
    hint.textContent = `${node.getAttribute("aria-label")}: ${before.size} ancestors and ${after.size} descendants here`;
  }

  function dark() {
    tree.classList.remove("lit");
    hint.textContent = said;
  }

  tree.addEventListener("pointerover", (event) => {
    const node = event.target.closest(".node");
    if (node) light(node);
  });
  tree.addEventListener("pointerout", (event) => { if (!event.relatedTarget?.closest?.(".node")) dark(); });
  tree.addEventListener("focusin", (event) => {
    for (const node of nodes.values()) node.setAttribute("tabindex", node === event.target ? 0 : -1);
    light(event.target);
  });
  tree.addEventListener("focusout", dark);
  tree.addEventListener("keydown", (event) => {
    const here = event.target.closest(".node");
    if (!here || !WAYS[event.key]) return;
    const self = here.dataset.id;
    const along = { ArrowLeft: up.get(self)?.[0], ArrowRight: down.get(self)?.[0] }[event.key];
    const to = nodes.get(along) ?? nearest([...nodes.values()], here, event.key);
    event.preventDefault();
    to?.focus();
  });
  [...nodes.values()].forEach((node, place) => node.setAttribute("tabindex", place ? -1 : 0));
}

async function copying(event) {
  const button = event.target.closest(".copy");
  if (!button) return;
  const text = button.previousElementSibling;
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}
