// What narrows the results: the panel with its counts, and the chips of what is chosen.

import { departmentColour } from "./colours.js";
import { attributeFilter, leaf, names, number, path, priceRange, readAttribute } from "./format.js";
import { Chip, Icon, ModelChoice, Slider, Toggle } from "./parts.js";
import { activeCount, noFilters, toggled, without } from "./state.js";
import { html, useRef, useState } from "./vendor/preact.js";

const SHOWN = 8;
const SEARCHED = 12;
/** Values of a facet that the service lists by itself: where there are so many, it may have more. */
const CUT = 30;
const DRAWN = 300;

/** The most values of a facet that the page asks for, once somebody wants all of them. */
export const ALL_VALUES = 5_000;

const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/**
 * A list of a facet: the first values, a button for all, and in a long list a box to find one. `cut` says that the
 * service has more; `row(value)` draws one, `nameOf(value)` is its name.
 */
function Values({ app, what, values, chosen = [], nameOf, row }) {
  const [open, setOpen] = useState(false);
  const [wanted, setWanted] = useState("");
  if (!values.length) return html`<p class="muted">No ${what} here</p>`;
  const words = fold(wanted).split(/\s+/);
  const found = open
    ? values.filter((value) => words.every((word) => fold(nameOf(value)).includes(word)))
    : values.slice(0, Math.max(SHOWN, chosen.length));
  const known = app.allValues || values.length < CUT;
  const toggle = () => {
    if (!open) app.wantAllValues();
    setWanted("");
    setOpen(!open);
  };
  return html`
    ${open && values.length > SEARCHED &&
    html`<input type="search" class="find" placeholder=${`Find ${what}`} aria-label=${`Find ${what}`} autocomplete="off"
      spellcheck=${false} value=${wanted} onInput=${(event) => setWanted(event.target.value)} />`}
    <ul class="tree">${found.slice(0, DRAWN).map(row)}</ul>
    ${!found.length && html`<p class="muted">None has this name</p>`}
    ${found.length > DRAWN && html`<p class="muted">and ${number(found.length - DRAWN)} more; type to find one</p>`}
    ${values.length > SHOWN &&
    html`<button type="button" class="link-button" onClick=${toggle} aria-expanded=${String(open)}>
      ${open ? "Fewer" : known ? `Show all ${number(values.length)}` : "Show all"} ${what}
    </button>`}`;
}

const Facet = ({ name, count, on, struck = false, tint = "", act }) => html`
  <button type="button" class="facet" aria-pressed=${String(on)} onClick=${act}>
    ${tint && html`<span class="swatch" style=${{ "--tint": tint }} aria-hidden="true"></span>`}
    <span class=${struck ? "facet-name struck" : "facet-name"} dir="auto" title=${name}>${name}</span>
    ${count !== undefined && html`<span class="count">${number(count)}</span>`}
  </button>`;

/** The categories a level at a time: the departments, and below each that is chosen or leads there what it holds. */
function Categories({ app, state, facets }) {
  const counts = new Map(facets.categories.map((one) => [path(one.value), one.count]));
  const chosen = state.category;
  const ancestors = (text) => names(text).map((_, depth, all) => path(all.slice(0, depth + 1)));
  const known = new Set([...counts.keys(), ...chosen.flatMap(ancestors)]);
  if (chosen.length || !counts.size) app.departments?.forEach((name) => known.add(name));
  const below = (parent) =>
    [...known]
      .filter((name) => path(names(name).slice(0, -1)) === parent)
      .sort((one, other) => (counts.get(other) ?? 0) - (counts.get(one) ?? 0) || one.localeCompare(other));
  const level = (parent) => {
    const all = below(parent);
    const open = all.filter((name) => chosen.some((one) => one === name || one.startsWith(`${name} > `)));
    const hidden = open.filter((name) => all.indexOf(name) >= SHOWN); // what is open stays in sight
    return html`<${Values} app=${app} what=${parent ? "categories" : "departments"} chosen=${open}
      nameOf=${(name) => leaf(names(name))}
      values=${[...hidden, ...all.filter((name) => !hidden.includes(name))]}
      row=${(name) => {
        const on = chosen.includes(name);
        const related = (one) => one === name || one.startsWith(`${name} > `) || name.startsWith(`${one} > `);
        const next = on ? without(chosen, name) : [...chosen.filter((one) => !related(one)), name];
        return html`<li key=${name}>
          <${Facet} name=${leaf(names(name))} count=${counts.get(name)} on=${on}
            tint=${parent ? "" : departmentColour(name)}
            act=${() => app.go({ category: next })} />
          ${open.includes(name) && below(name).length > 0 && html`<div class="below">${level(name)}</div>`}
        </li>`;
      }} />`;
  };
  return level("");
}

function Brands({ app, state, facets }) {
  // A choice of brands leaves only these to be counted; the others stay in sight, to be added.
  const before = useRef(/** @type {string[]} */ ([]));
  if (!state.brand.length) before.current = facets.brands.map((one) => one.value);
  const counts = new Map(facets.brands.map((one) => [one.value, one.count]));
  const chosen = [...state.brand, ...state.exclude_brand];
  const listed = [...new Set([...chosen, ...counts.keys(), ...(state.brand.length ? before.current : [])])];
  const row = (name) => {
    const out = state.exclude_brand.includes(name);
    const include = { brand: toggled(state.brand, name), exclude_brand: without(state.exclude_brand, name) };
    const exclude = { exclude_brand: toggled(state.exclude_brand, name), brand: without(state.brand, name) };
    return html`<li class="brand-row" key=${name}>
      <${Facet} name=${name} count=${counts.get(name)} on=${state.brand.includes(name)} struck=${out}
        act=${() => app.go(include)} />
      <button type="button" class="icon-button small" aria-pressed=${String(out)} aria-label=${`Leave out ${name}`}
        title=${`Leave out ${name}`} onClick=${() => app.go(exclude)}><${Icon} name="minus" size="14" /></button>
    </li>`;
  };
  return html`<${Values} app=${app} what="brands" values=${listed} chosen=${chosen} nameOf=${(name) => name}
    row=${row} />`;
}

/** One attribute: values of one are alternatives, `colour:red|blue`, those of several must all hold. */
function Attribute({ app, state, attribute }) {
  const same = (text) => readAttribute(text).name.toLowerCase() === attribute.name.toLowerCase();
  const filter = state.attribute.find(same);
  const chosen = filter ? readAttribute(filter).values : [];
  const before = useRef(attribute.values);
  if (!filter) before.current = attribute.values;
  const counts = new Map(attribute.values.map((one) => [one.value, one.count]));
  const values = [...new Set([...chosen, ...counts.keys(), ...(filter ? before.current.map((one) => one.value) : [])])];
  const row = (value) => {
    const next = toggled(chosen, value);
    const rest = state.attribute.filter((text) => text !== filter);
    return html`<li key=${value}>
      <${Facet} name=${value} count=${counts.get(value)} on=${chosen.includes(value)}
        act=${() => app.go({ attribute: next.length ? [...rest, attributeFilter(attribute.name, next)] : rest })} />
    </li>`;
  };
  return html`<details class="attribute" open=${Boolean(filter)}>
    <summary dir="auto">${attribute.name}</summary>
    <${Values} app=${app} what="values" values=${values} chosen=${chosen} nameOf=${(value) => value} row=${row} />
  </details>`;
}

function AttributeForm({ app, state }) {
  const submit = (event) => {
    event.preventDefault();
    const { name, value } = event.target.elements;
    if (!name.value.trim() || !value.value.trim()) return (name.value.trim() ? value : name).focus();
    const added = attributeFilter(name.value.trim(), [value.value.trim()]);
    app.go({ attribute: [...without(state.attribute, added), added] });
    event.target.reset();
  };
  const box = (id, label, hint) => html`
    <input type="text" id=${`attribute-${id}`} name=${id} placeholder=${hint} aria-label=${label} autocomplete="off"
      spellcheck=${false} />`;
  return html`<form class="attribute-form" onSubmit=${submit}>
    ${box("name", "Name of an attribute", "colour")} ${box("value", "Value of the attribute", "navy")}
    <button type="submit" class="button" aria-label="Filter by this attribute">Add</button>
  </form>`;
}

function Prices({ app, state, facets }) {
  const amount = (id, label, hint, name) => html`
    <input type="number" id=${id} min="0" step="any" inputmode="decimal" placeholder=${hint} aria-label=${label}
      value=${state[name]} onChange=${(event) => app.go({ [name]: event.target.value })} />`;
  return html`
    <div class="price-range">
      ${amount("price-min", "Lowest price", "from", "price_min")}<span class="muted" aria-hidden="true">–</span>
      ${amount("price-max", "Highest price", "to", "price_max")}
    </div>
    <div class="bands">
      ${facets.prices.map((band) => {
        const [low, high] = [band.low ? String(band.low) : "", band.high === null ? "" : String(band.high)];
        const on = state.price_min === low && state.price_max === high && Boolean(low || high);
        const upTo = low ? `${number(band.low)} – ${number(band.high)}` : `under ${number(band.high)}`;
        const words = high ? upTo : `${number(band.low)} and more`;
        return html`<button type="button" class="band" aria-pressed=${String(on)} key=${words}
          onClick=${() => app.go(on ? { price_min: "", price_max: "" } : { price_min: low, price_max: high })}>
          ${words}<span class="count">${number(band.count)}</span>
        </button>`;
      })}
    </div>`;
}

const NO_FACETS = { counted: 0, categories: [], brands: [], prices: [], attributes: [] };

/** The panel. */
export function Filters({ app, state, facets, open, close }) {
  /** @type {import("./types").Facets} */
  const counts = facets ?? NO_FACETS;
  const searching = Boolean(state.q.trim());
  const section = (title, ...content) => html`<section class="filter"><h2>${title}</h2>${content}</section>`;
  return html`
    <aside class=${open ? "filters open" : "filters"} id="filters" aria-label="Filters">
      ${section(
        "Category",
        html`<${Categories} app=${app} state=${state} facets=${counts} />`,
        searching && facets && html`<p class="muted counted">Counted among the best ${number(counts.counted)}</p>`,
      )}
      ${section(
        "Availability",
        html`<${Toggle} id="in-stock" label="In stock only" value=${state.in_stock}
          change=${(on) => app.go({ in_stock: on })} />`,
      )}
      ${section(counts.currency ? `Price in ${counts.currency}` : "Price", html`<${Prices} app=${app} state=${state}
        facets=${counts} />`)}
      ${section("Brand", html`<${Brands} app=${app} state=${state} facets=${counts} />`)}
      ${section(
        "Attributes",
        counts.attributes.map((one) => html`<${Attribute} key=${one.name} app=${app} state=${state}
          attribute=${one} />`),
        html`<${AttributeForm} app=${app} state=${state} />`,
      )}
      ${section(
        "Tuning",
        searching && html`<${Slider} id="diversity" label="Diversity" value=${state.diversity}
          change=${(value) => app.go({ diversity: value }, { replace: true })} />`,
        html`<${Toggle} id="variants" label="Show every variant" hint="Sizes and colours of one product, each as a card"
          value=${state.variants === "all"} change=${(on) => app.go({ variants: on ? "all" : "collapse" })} />`,
        html`<${ModelChoice} id="model" models=${app.models} value=${state.model}
          change=${(name) => app.go({ model: name }, { replace: true })} />`,
      )}
      <button type="button" class="button primary drawer-done" onClick=${close}>Show the products</button>
    </aside>`;
}

/** What is chosen, each with a button that takes it away. */
export function Chips({ app, state, clear = true }) {
  if (!activeCount(state)) return null;
  const { price_min: low, price_max: high } = state;
  const range = priceRange(low, high, "");
  const each = (name, label) =>
    state[name].map((value) => html`<${Chip} key=${`${name} ${value}`} label=${label(value)} title=${value}
      act=${() => app.go({ [name]: without(state[name], value) })} />`);
  const attribute = (text) => {
    const { name, values } = readAttribute(text);
    return `${name}: ${values.join(", ")}`;
  };
  return html`
    ${each("category", (value) => leaf(names(value)))} ${each("brand", (value) => value)}
    ${each("exclude_brand", (value) => `not ${value}`)} ${each("attribute", attribute)}
    ${range && html`<${Chip} label=${range} act=${() => app.go({ price_min: "", price_max: "" })} />`}
    ${state.in_stock && html`<${Chip} label="In stock" act=${() => app.go({ in_stock: false })} />`}
    ${clear && html`<button type="button" class="link-button"
      onClick=${() => app.go(noFilters())}>Clear all</button>`}`;
}

/** What else was chosen for how to answer, where there is no other control for it. */
export const OptionChips = ({ app, state }) => html`
  ${Number(state.diversity) > 0 && html`<${Chip} label=${`Diversity ${state.diversity}`}
    act=${() => app.go({ diversity: "0" })} />`}
  ${state.variants === "all" && html`<${Chip} label="Every variant" act=${() => app.go({ variants: "collapse" })} />`}
  ${state.model && html`<${Chip} label=${`Answered by ${state.model}`} act=${() => app.go({ model: "" })} />`}`;
