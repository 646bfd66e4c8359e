// What narrows the results: the panel with its counts, and the chips of what is chosen.

import { departmentColour } from "./colours.js";
import { modelChoice, slider, toggle } from "./controls.js";
import { h, icon, ICONS, swap } from "./dom.js";
import { attributeFilter, attributeLabel, leaf, names, number, path, price } from "./format.js";
import { FILTERS, hasFilters } from "./state.js";

const BRANDS_SHOWN = 8;

export const noFilters = () => ({
  category: [],
  brand: [],
  exclude_brand: [],
  attribute: [],
  price_min: "",
  price_max: "",
  in_stock: false,
});

const without = (list, value) => list.filter((one) => one !== value);

/** The panel. `update(state, facets, departments)` shows the counts of an answer; null facets keep the last ones. */
export class Filters {
  #facets = null;
  #allBrands = false;
  #brandsBefore = [];

  constructor(app) {
    this.app = app;
    const set = (changes) => app.go({ ...changes, shown: 0 });
    this.categories = h("div", { class: "facet-list" });
    this.brands = h("div", { class: "facet-list" });
    this.bands = h("div", { class: "bands" });
    this.counted = h("p", { class: "muted counted", hidden: true });
    this.low = amount("price-min", "Lowest price", "from", (value) => set({ price_min: value }));
    this.high = amount("price-max", "Highest price", "to", (value) => set({ price_max: value }));
    this.stock = toggle("in-stock", "In stock only", (on) => set({ in_stock: on }));
    this.variants = toggle(
      "variants",
      "Show every variant",
      (on) => set({ variants: on ? "all" : "collapse" }),
      "Sizes and colours of one product, each as a card",
    );
    this.diversity = slider("diversity", "Diversity", (value) => app.go({ diversity: value }, { replace: true }));
    this.model = modelChoice("model", "Model", (name) => app.go({ model: name }, { replace: true }));
    this.root = h(
      "aside",
      { class: "filters", id: "filters", "aria-label": "Filters" },
      section("Category", this.categories, this.counted),
      section("Availability", this.stock.root),
      section(
        "Price",
        h(
          "div",
          { class: "price-range" },
          this.low,
          h("span", { class: "muted", "aria-hidden": "true" }, "–"),
          this.high,
        ),
        this.bands,
      ),
      section("Brand", this.brands),
      section("Attribute", this.#attributes()),
      section("Tuning", this.diversity.root, this.variants.root, this.model.root),
      h(
        "button",
        { type: "button", class: "button primary drawer-done", on: { click: () => app.closePanel() } },
        "Show the products",
      ),
    );
  }

  #attributes() {
    const name = h("input", {
      id: "attribute-name",
      type: "text",
      placeholder: "colour",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": "Name of an attribute",
    });
    const value = h("input", {
      id: "attribute-value",
      type: "text",
      placeholder: "navy",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": "Value of the attribute",
    });
    const form = h(
      "form",
      { class: "attribute-form" },
      name,
      value,
      h("button", { type: "submit", class: "button", "aria-label": "Filter by this attribute" }, "Add"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!name.value.trim() || !value.value.trim()) return (name.value.trim() ? value : name).focus();
      const added = attributeFilter(name.value.trim(), value.value.trim());
      this.app.go({ attribute: [...without(this.app.state.attribute, added), added], shown: 0 });
      form.reset();
    });
    return form;
  }

  update(state, facets, departments) {
    this.#facets = facets ?? this.#facets;
    // A choice of brands leaves only these to be counted; the others stay in sight, to be added.
    if (facets && !state.brand.length) this.#brandsBefore = facets.brands.map((one) => one.value);
    this.stock.set(state.in_stock);
    this.variants.set(state.variants === "all");
    this.diversity.set(state.diversity);
    this.diversity.root.hidden = !state.q.trim(); // what is browsed has no relevance to trade for it
    const counted = this.#facets?.counted ?? 0;
    this.counted.hidden = !state.q.trim(); // what is browsed is counted as a whole
    this.counted.textContent = `Counted among the best ${number(counted)}`;
    this.model.set(this.app.status?.models ?? [], state.model);
    for (const [input, value] of [
      [this.low, state.price_min],
      [this.high, state.price_max],
    ])
      if (input !== document.activeElement) input.value = value;
    swap(this.categories, this.#tree(state, departments));
    swap(this.brands, this.#brandRows(state));
    swap(this.bands, this.#bandButtons(state));
  }

  #tree(state, departments) {
    const counts = new Map((this.#facets?.categories ?? []).map((one) => [path(one.value), one.count]));
    const chosen = state.category;
    const opened = (name) => chosen.some((one) => one === name || one.startsWith(`${name} > `));
    const known = new Set([...counts.keys(), ...chosen.flatMap(ancestors)]);
    if (chosen.length || !counts.size) departments.forEach((name) => known.add(name));
    const below = (parent) =>
      [...known]
        .filter((name) =>
          parent
            ? name.startsWith(`${parent} > `) && names(name).length === names(parent).length + 1
            : names(name).length === 1,
        )
        .sort((one, other) => (counts.get(other) ?? 0) - (counts.get(one) ?? 0) || one.localeCompare(other));
    const rows = (parent) =>
      below(parent).map((name) =>
        h(
          "li",
          {},
          this.#category(name, counts.get(name), chosen),
          opened(name) && below(name).length > 0 && h("ul", {}, rows(name)),
        ),
      );
    const all = rows("");
    return all.length ? h("ul", { class: "tree" }, all) : h("p", { class: "muted" }, "No categories here");
  }

  #category(name, count, chosen) {
    const on = chosen.includes(name);
    const related = (one) => one === name || one.startsWith(`${name} > `) || name.startsWith(`${one} > `);
    const next = on ? without(chosen, name) : [...chosen.filter((one) => !related(one)), name];
    return h(
      "button",
      {
        type: "button",
        class: "facet",
        "aria-pressed": String(on),
        data: { key: `category ${name}` },
        on: { click: () => this.app.go({ category: next, shown: 0 }) },
      },
      names(name).length === 1 &&
        h("span", { class: "swatch", vars: { "--tint": departmentColour(name) }, "aria-hidden": "true" }),
      h("span", { class: "facet-name", dir: "auto" }, leaf(names(name))),
      count !== undefined && h("span", { class: "count" }, number(count)),
    );
  }

  #brandRows(state) {
    const counts = new Map((this.#facets?.brands ?? []).map((one) => [one.value, one.count]));
    const listed = [
      ...new Set([
        ...state.brand,
        ...state.exclude_brand,
        ...counts.keys(),
        ...(state.brand.length ? this.#brandsBefore : []),
      ]),
    ];
    if (!listed.length) return h("p", { class: "muted" }, "No brands here");
    const shown = this.#allBrands
      ? listed
      : listed.slice(0, Math.max(BRANDS_SHOWN, state.brand.length + state.exclude_brand.length));
    const more = listed.length > shown.length || this.#allBrands;
    return [
      h(
        "ul",
        { class: "tree" },
        shown.map((name) =>
          h("li", { class: "brand-row" }, this.#brand(state, name, counts.get(name)), this.#exclude(state, name)),
        ),
      ),
      more &&
        listed.length > BRANDS_SHOWN &&
        h(
          "button",
          {
            type: "button",
            class: "link-button",
            data: { key: "all brands" },
            on: { click: () => ((this.#allBrands = !this.#allBrands), this.app.redraw()) },
          },
          this.#allBrands ? "Fewer brands" : `All ${listed.length} brands`,
        ),
    ];
  }

  #brand(state, name, count) {
    const on = state.brand.includes(name);
    const change = {
      brand: on ? without(state.brand, name) : [...state.brand, name],
      exclude_brand: without(state.exclude_brand, name),
      shown: 0,
    };
    return h(
      "button",
      {
        type: "button",
        class: "facet",
        "aria-pressed": String(on),
        data: { key: `brand ${name}` },
        on: { click: () => this.app.go(change) },
      },
      h("span", { class: state.exclude_brand.includes(name) ? "facet-name struck" : "facet-name", dir: "auto" }, name),
      count !== undefined && h("span", { class: "count" }, number(count)),
    );
  }

  #exclude(state, name) {
    const on = state.exclude_brand.includes(name);
    const change = {
      exclude_brand: on ? without(state.exclude_brand, name) : [...state.exclude_brand, name],
      brand: without(state.brand, name),
      shown: 0,
    };
    return h(
      "button",
      {
        type: "button",
        class: "icon-button small",
        "aria-pressed": String(on),
        "aria-label": `Leave out ${name}`,
        title: `Leave out ${name}`,
        data: { key: `exclude ${name}` },
        on: { click: () => this.app.go(change) },
      },
      icon(ICONS.minus, 14),
    );
  }

  #bandButtons(state) {
    return (this.#facets?.prices ?? []).map((band) => {
      const [low, high] = [band.low ? String(band.low) : "", band.high === null ? "" : String(band.high)];
      const on = state.price_min === low && state.price_max === high && (low || high);
      const change = on ? { price_min: "", price_max: "" } : { price_min: low, price_max: high };
      return h(
        "button",
        {
          type: "button",
          class: "band",
          "aria-pressed": String(Boolean(on)),
          data: { key: `band ${low} ${high}` },
          on: { click: () => this.app.go({ ...change, shown: 0 }) },
        },
        bandName(band),
        h("span", { class: "count" }, number(band.count)),
      );
    });
  }
}

const ancestors = (text) => names(text).map((_, depth, all) => path(all.slice(0, depth + 1)));

function bandName(band) {
  if (band.high === null) return `${number(band.low)} and more`;
  return band.low ? `${number(band.low)} – ${number(band.high)}` : `under ${number(band.high)}`;
}

function section(title, ...content) {
  return h("section", { class: "filter" }, h("h2", {}, title), content);
}

function amount(id, label, placeholder, change) {
  const input = h("input", {
    id,
    type: "number",
    min: "0",
    step: "any",
    inputmode: "decimal",
    placeholder,
    "aria-label": label,
  });
  input.addEventListener("change", () => change(input.value));
  return input;
}

/** What is chosen, each with a button that takes it away. */
export function chips(app, state) {
  if (!hasFilters(state)) return [];
  const lists = [
    ...state.category.map((value) => [leaf(names(value)), value, () => ({ category: without(state.category, value) })]),
    ...state.brand.map((value) => [value, value, () => ({ brand: without(state.brand, value) })]),
    ...state.exclude_brand.map((value) => [
      `not ${value}`,
      value,
      () => ({ exclude_brand: without(state.exclude_brand, value) }),
    ]),
    ...state.attribute.map((value) => [
      attributeLabel(value),
      value,
      () => ({ attribute: without(state.attribute, value) }),
    ]),
  ];
  const range = priceChip(state);
  if (range) lists.push([range, range, () => ({ price_min: "", price_max: "" })]);
  if (state.in_stock) lists.push(["In stock", "In stock", () => ({ in_stock: false })]);
  return [
    ...lists.map(([label, title, change]) => chip(app, label, title, change)),
    h(
      "button",
      {
        type: "button",
        class: "link-button",
        data: { key: "clear" },
        on: { click: () => app.go({ ...noFilters(), shown: 0 }) },
      },
      "Clear all",
    ),
  ];
}

/** What else was chosen for how to answer, where there is no other control for it. */
export function optionChips(app, state) {
  const chosen = [];
  if (Number(state.diversity) > 0) chosen.push([`Diversity ${state.diversity}`, { diversity: "0" }]);
  if (state.variants === "all") chosen.push(["Every variant", { variants: "collapse" }]);
  if (state.model) chosen.push([`Answered by ${state.model}`, { model: "" }]);
  return chosen.map(([label, change]) => chip(app, label, label, () => change));
}

function chip(app, label, title, change) {
  return h(
    "button",
    {
      type: "button",
      class: "chip",
      title,
      "aria-label": `Remove the filter ${label}`,
      data: { key: `chip ${title}` },
      on: { click: () => app.go({ ...change(), shown: 0 }) },
    },
    h("span", { dir: "auto" }, label),
    icon(ICONS.close, 13),
  );
}

function priceChip({ price_min: low, price_max: high }) {
  if (low && high) return `${price(Number(low), "")} – ${price(Number(high), "")}`;
  if (low) return `from ${price(Number(low), "")}`;
  return high ? `up to ${price(Number(high), "")}` : "";
}

export const activeCount = (state) =>
  FILTERS.reduce(
    (sum, name) => sum + (Array.isArray(state[name]) ? state[name].length : Number(Boolean(state[name]))),
    0,
  );
