// A small menu under a button: arrows move, Escape and a click elsewhere close it.

import { h } from "./dom.js";

let open = null;

export function closeMenu() {
  if (!open) return;
  const { menu, button } = open;
  open = null;
  const had = menu.contains(document.activeElement);
  menu.remove();
  button.setAttribute("aria-expanded", "false");
  if (had) button.focus({ preventScroll: true });
}

/** Open a menu of `{label, act}` under a button, or close it if it is the open one. */
export function toggleMenu(button, items) {
  const again = open?.button === button;
  closeMenu();
  if (again) return;
  const menu = h("div", { class: "menu", role: "menu" }, items.map(entry));
  menu.addEventListener("keydown", onKey);
  document.body.append(menu);
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  open = { menu, button };
  menu.firstElementChild.focus({ preventScroll: true });
}

function entry({ label, act }) {
  return h(
    "button",
    { type: "button", role: "menuitem", tabindex: "-1", dir: "auto", on: { click: () => (closeMenu(), act()) } },
    label,
  );
}

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8));
  const below = at.bottom + 6 + menu.offsetHeight < innerHeight;
  const top = below ? at.bottom + 6 : Math.max(8, at.top - 6 - menu.offsetHeight);
  menu.style.left = `${left + scrollX}px`;
  menu.style.top = `${top + scrollY}px`;
}

function onKey(event) {
  const items = [...event.currentTarget.children];
  const at = items.indexOf(document.activeElement);
  const steps = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 };
  if (event.key in steps) {
    event.preventDefault();
    items[steps[event.key] % items.length].focus();
  } else if (event.key === "Escape" || event.key === "Tab") {
    event.stopPropagation();
    closeMenu();
  }
}

document.addEventListener("pointerdown", (event) => {
  if (open && !open.menu.contains(event.target) && !open.button.contains(event.target)) closeMenu();
});
