// What the page shows, as the address says it: every view can be linked to, and back and forward work.

const LISTS = ["category", "brand", "exclude_brand", "attribute"];
const ANSWERED = ["mode", "sort", "diversity", "variants", "model", "against"];
const TEXTS = ["q", "sku", "view", "price_min", "price_max", ...ANSWERED];
const FLAGS = ["in_stock", "explain", "widen", "exact", "literal"];
/** @type {Record<string, string>} */
const DEFAULTS = { mode: "hybrid", sort: "relevance", diversity: "0", variants: "collapse" };
const VIEWS = ["map", "rules", "compare", "searches"];

export const PAGE = 24;
export const MAX_SHOWN = 1000;

/** What narrows an answer; taken away together by "Clear all". */
const FILTERS = [...LISTS, "price_min", "price_max", "in_stock"];

/** How an answer is made; kept from one view to the next. */
export const OPTIONS = ["mode", "diversity", "variants", "explain", "model"];

/** @returns {import("./types").State} */
export function parse(search) {
  const given = new URLSearchParams(search);
  const shown = Math.min(Math.max(parseInt(given.get("shown") ?? "", 10) || PAGE, PAGE), MAX_SHOWN);
  return /** @type {any} */ ({
    shown,
    ...Object.fromEntries(LISTS.map((name) => [name, given.getAll(name).filter(Boolean)])),
    ...Object.fromEntries(TEXTS.map((name) => [name, given.get(name) ?? DEFAULTS[name] ?? ""])),
    ...Object.fromEntries(FLAGS.map((name) => [name, given.get(name) === "1"])),
  });
}

/** Return the address of a state, without what is as it is by default. */
export function address(state) {
  const query = new URLSearchParams();
  for (const name of TEXTS) if (state[name] && state[name] !== DEFAULTS[name]) query.set(name, state[name]);
  for (const name of LISTS) for (const value of state[name] ?? []) query.append(name, value);
  for (const name of FLAGS) if (state[name]) query.set(name, "1");
  if (state.shown > PAGE) query.set("shown", state.shown);
  const text = query.toString();
  return text ? `?${text}` : "./";
}

export const viewOf = (state) => (VIEWS.includes(state.view) ? state.view : state.sku ? "product" : "search");

export const pick = (state, names) => Object.fromEntries(names.map((name) => [name, state[name]]));

/** The address of a product's page, answered the same way as what is shown now. */
export const productAddress = (state, sku) => address({ ...pick(state, OPTIONS), sku });

export const noFilters = () => pick(parse(""), FILTERS);

export const without = (list, value) => list.filter((one) => one !== value);

export const toggled = (list, value) => (list.includes(value) ? without(list, value) : [...list, value]);

export const activeCount = (state) => FILTERS.flatMap((name) => state[name]).filter(Boolean).length;

/** Return the query parameters of the API for the filters and options of a state. */
export function asked(state) {
  const query = new URLSearchParams();
  for (const name of LISTS) for (const value of state[name]) query.append(name, value);
  for (const name of ["price_min", "price_max"]) if (isAmount(state[name])) query.set(name, state[name]);
  for (const name of ["mode", "sort", "variants"]) if (state[name] !== DEFAULTS[name]) query.set(name, state[name]);
  if (Number(state.diversity) > 0) query.set("diversity", state.diversity);
  if (state.in_stock) query.set("in_stock", "true");
  if (state.explain) query.set("explain", "true");
  if (state.widen) query.set("fallback", "widen");
  if (state.model) query.set("model", state.model);
  return query;
}

const isAmount = (text) => text !== "" && Number.isFinite(Number(text)) && Number(text) >= 0;

/**
 * Return the path that answers a state: products like one, a search where there is a text, else what is browsed.
 * `typing` says that the last word may not be whole yet.
 */
export function request(state, { facets = false, facetValues = 0, typing = false } = {}) {
  const query = asked(state);
  if (facets) query.set("facets", "true");
  if (facetValues) query.set("facet_values", String(facetValues));
  const text = state.q.trim();
  if (state.sku) {
    query.set("sku", state.sku);
    return `v1/similar?${query}`;
  }
  if (!text) {
    for (const name of ["mode", "diversity", "explain", "fallback"]) query.delete(name);
    return `v1/products?${query}`;
  }
  query.set("q", text);
  if (typing) query.set("prefix", "true");
  if (state.exact) query.set("correct", "false");
  if (state.literal) query.set("understand", "false");
  return `v1/search?${query}`;
}
