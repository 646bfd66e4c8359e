// What the page shows, as the address says it: every view can be linked to, and back and forward work.

const LISTS = ["category", "brand", "exclude_brand", "attribute"];
const TEXTS = ["q", "sku", "view", "price_min", "price_max", "mode", "diversity", "variants", "model", "against"];
const FLAGS = ["in_stock", "explain", "widen"];
const DEFAULTS = { mode: "hybrid", diversity: "0", variants: "collapse" };

export const PAGE = 24;
export const MAX_SHOWN = 1000;

/** What narrows an answer; taken away together by "Clear all". */
export const FILTERS = ["category", "brand", "exclude_brand", "attribute", "price_min", "price_max", "in_stock"];

/** How an answer is made; kept from one view to the next. */
export const OPTIONS = ["mode", "diversity", "variants", "explain", "model"];

export function parse(search) {
  const given = new URLSearchParams(search);
  const state = { shown: Math.min(Math.max(parseInt(given.get("shown"), 10) || PAGE, PAGE), MAX_SHOWN) };
  for (const name of LISTS) state[name] = given.getAll(name).filter(Boolean);
  for (const name of TEXTS) state[name] = given.get(name) ?? DEFAULTS[name] ?? "";
  for (const name of FLAGS) state[name] = given.get(name) === "1";
  return state;
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

export function viewOf(state) {
  if (["map", "rules", "compare"].includes(state.view)) return state.view;
  return state.sku ? "product" : "search";
}

export function pick(state, names) {
  return Object.fromEntries(names.map((name) => [name, state[name]]));
}

export function hasFilters(state) {
  return FILTERS.some((name) => (Array.isArray(state[name]) ? state[name].length > 0 : Boolean(state[name])));
}

/** Return the query parameters of the API for the filters and options of a state. */
export function asked(state) {
  const query = new URLSearchParams();
  for (const name of LISTS) for (const value of state[name]) query.append(name, value);
  for (const name of ["price_min", "price_max"]) if (isAmount(state[name])) query.set(name, state[name]);
  for (const name of ["mode", "variants"]) if (state[name] !== DEFAULTS[name]) query.set(name, state[name]);
  if (Number(state.diversity) > 0) query.set("diversity", state.diversity);
  if (state.in_stock) query.set("in_stock", "true");
  if (state.explain) query.set("explain", "true");
  if (state.widen) query.set("fallback", "widen");
  if (state.model) query.set("model", state.model);
  return query;
}

const isAmount = (text) => text !== "" && Number.isFinite(Number(text)) && Number(text) >= 0;
