// The switches of how an answer is made, shared by the views.

import { h } from "./dom.js";

const MODES = [
  ["hybrid", "Hybrid", "Meaning and words together"],
  ["dense", "Meaning", "The model's vectors alone"],
  ["lexical", "Words", "Words alone (BM25)"],
];

/** A row of radio buttons for the mode. */
export function modeSwitch(app, name) {
  const radios = MODES.map(([value, label, title]) => {
    const input = h("input", {
      type: "radio",
      name,
      value,
      id: `${name}-${value}`,
      on: { change: () => app.go({ mode: value }, { replace: true }) },
    });
    return { input, nodes: [input, h("label", { for: `${name}-${value}`, title }, label)] };
  });
  const root = h(
    "fieldset",
    { class: "segments" },
    h("legend", { class: "unseen" }, "How products are found"),
    radios.map((one) => one.nodes),
  );
  return { root, set: (mode) => radios.forEach(({ input }) => (input.checked = input.value === mode)) };
}

/** A labelled checkbox that looks like a switch. */
export function toggle(id, label, change, hint = "") {
  const input = h("input", { type: "checkbox", id, role: "switch", on: { change: () => change(input.checked) } });
  const root = h(
    "label",
    { class: "toggle", for: id, title: hint || null },
    input,
    h("span", { class: "track", "aria-hidden": "true" }),
    h("span", {}, label),
  );
  return { root, set: (value) => (input.checked = value) };
}

/** A slider from 0 to 1 that tells its value; it asks when it is let go. */
export function slider(id, label, change) {
  const output = h("output", { for: id });
  const input = h("input", { type: "range", id, min: "0", max: "1", step: "0.1" });
  input.addEventListener("input", () => (output.textContent = Number(input.value).toFixed(1)));
  input.addEventListener("change", () => change(input.value));
  const root = h("div", { class: "slider" }, h("label", { for: id }, label), output, input);
  const set = (value) => {
    input.value = value;
    output.textContent = Number(value || 0).toFixed(1);
  };
  return { root, set };
}

/** A choice among the models that can be asked; hidden while there is only one. */
export function modelChoice(id, label, change) {
  const select = h("select", { id, on: { change: () => change(select.value) } });
  const root = h("div", { class: "field", hidden: true }, h("label", { for: id }, label), select);
  const set = (models, chosen, { always = false, live = true } = {}) => {
    root.hidden = models.length < 2 && !always;
    const entries = models.map((name, at) =>
      h("option", { value: live && at === 0 ? "" : name }, at === 0 ? `${name} (live)` : name),
    );
    select.replaceChildren(...entries);
    select.value = live && chosen === models[0] ? "" : chosen;
  };
  return { root, set, select };
}
