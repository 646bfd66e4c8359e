// The start page and the results: cards while typing, with filters beside them.

import { get, useLoaded } from "./api.js";
import { counted, Ghosts, Grid } from "./cards.js";
import { departments } from "./colours.js";
import { ALL_VALUES, Chips, Filters } from "./filters.js";
import { leaf, names, priceRange } from "./format.js";
import { Failure, Notice } from "./notices.js";
import { Chip, Choice, ExplainToggle, Go, Icon, ModeSwitch } from "./parts.js";
import { activeCount, address, MAX_SHOWN, noFilters, OPTIONS, PAGE, pick, request } from "./state.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/preact.js";

const PAUSE_MS = 200;

/**
 * The hits of `path`, page after page. `before` is loaded at the same time; a page that is added keeps what is shown.
 * @param {any} app @param {any} state @param {string} path @param {(signal: AbortSignal) => Promise<any>} before
 */
export function usePages(app, state, path, before) {
  const pages = useLoaded(app, path, async (signal) => {
    const asked = get(`${path}&k=${state.shown}`, { signal });
    const [rest, answer] = await Promise.all([before(signal), asked, departments(app)]);
    return { ...answer, rest };
  });
  const grid = useRef(/** @type {any} */ (null));
  const more = async () => {
    const shown = pages.data.hits;
    const k = Math.min(PAGE, MAX_SHOWN - shown.length);
    try {
      const next = await get(`${path}&k=${k}&offset=${shown.length}`);
      const seen = new Set(shown.map((hit) => hit.sku));
      app.note({ shown: state.shown + k });
      pages.change({ hits: [...shown, ...next.hits.filter((hit) => !seen.has(hit.sku))] });
      const focus = () => grid.current?.querySelectorAll(".card-link")[shown.length]?.focus({ preventScroll: true });
      requestAnimationFrame(focus);
    } catch (error) {
      app.tell(error.message);
    }
  };
  return { ...pages, more, grid };
}

export function SearchView({ app, state }) {
  const text = state.q.trim();
  const [open, setOpen] = useState(false);
  const { typing, allValues } = app;
  const path = request(state, { typing });
  const { data, error, key, fresh, more, grid } = usePages(app, state, path, async () => null);
  // Counts take three times what the hits take: they come after them, and while somebody types in a pause.
  const counting = `${request(state, { facets: true, facetValues: allValues ? ALL_VALUES : 0, typing })}&k=1`;
  const facets = useLoaded(app, fresh && !error ? counting : "", async (signal) => {
    if (typing) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    signal.throwIfAborted();
    return (await get(counting, { signal })).facets;
  });
  const answer = /** @type {import("./types").Answer | null} */ (data);
  const hits = error ? [] : (answer?.hits ?? []);
  useDrawer(app, open, () => setOpen(false));
  useLayoutEffect(() => app.arrived(fresh), [key, fresh]);
  const words = !answer || error ? "\u00a0" : hits.length ? said(state, answer) : "No product matches";
  useEffect(() => {
    if (answer && !error) app.announce(words);
  }, [words, key]);
  app.title(text || "Products");
  const active = activeCount(state);
  const similar = (hit) => ({ label: "Similar products", act: () => app.go({ ...noFilters(), sku: hit.sku, q: "" }) });
  return html`
    <div class="browse">
      <${Filters} app=${app} state=${state} facets=${facets.data} open=${open} close=${() => setOpen(false)} />
      <section class="results" aria-label="Results" data-answer=${fresh ? text : undefined} inert=${open} ref=${grid}>
        <div class="results-head">
          <div class="results-title">
            <h1 tabindex="-1" class="own" dir="auto">${text ? `“${text}”` : "Products"}</h1>
            <p class="muted count-line">${words}</p>
          </div>
          <div class="toolbar">
            <button type="button" class="button drawer-button" aria-expanded=${String(open)} aria-controls="filters"
              onClick=${() => setOpen(true)}>
              <${Icon} name="filter" size="16" />${active ? `Filters (${active})` : "Filters"}
            </button>
            <${Choice} id="sort" label="Sort" inline value=${state.sort} change=${(sort) => app.go({ sort })}
              options=${sorts(text)} />
            ${text && html`<${ModeSwitch} app=${app} state=${state} name="mode" />
            <${ExplainToggle} app=${app} state=${state} id="explain" />`}
            ${text && app.models.length > 1 &&
            html`<${Go} class="button"
              href=${address({ ...pick(state, OPTIONS), q: state.q, view: "compare" })}>Compare models<//>`}
          </div>
        </div>
        <${Read} app=${app} state=${state} answer=${error ? null : answer} />
        <div class="chips"><${Chips} app=${app} state=${state} /></div>
        ${error && html`<${Failure} app=${app} problem=${error} />`}
        ${answer && !error && !hits.length && html`<${Nothing} app=${app} state=${state} />`}
        ${!error && hits.length > 0 && answer?.confidence === "none" &&
        html`<${Notice} kind="doubt" text="The nearest in meaning are shown."
          title=${`No product${isFiltered(state, answer) ? " within the filters" : ""} matches these words`}
          remedies=${active ? [{ label: "Clear the filters", act: () => app.go(noFilters()) }] : []} />`}
        ${!answer && !error && html`<${Ghosts} />`}
        <${Grid} app=${app} state=${state} hits=${hits} more=${more} level="h2" plain=${!text} scope=${scopeOf(state)}
          actions=${(hit) => [similar(hit)]} />
      </section>
    </div>`;
}

const sorts = (text) => [
  ["relevance", text ? "Relevance" : "Popular first"],
  ["price", "Price, low to high"],
  ["price-down", "Price, high to low"],
  ["newest", "Newest"],
];

/** "24 of 3,000 products"; where the answer came to its end before, what it has is all that fits. */
const said = (state, { hits, total }) => counted(hits.length, hits.length < state.shown ? null : total);

// What goes on with a word: a letter or digit, but not one of scripts without blanks, where words begin anywhere.
const BLANKLESS = ["Han", "Hira", "Kana", "Hang", "Thai", "Laoo", "Mymr", "Khmr"].map((name) => `\\p{scx=${name}}`);
const WITHIN = `(?![${BLANKLESS.join("")}])[\\p{L}\\p{M}\\p{N}]`;

/** Return a text without some of its words; null if it does not have them as whole words. */
function withoutWords(text, words) {
  const escaped = words.split(/\s+/).map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const whole = new RegExp(`(?<!${WITHIN})${escaped.join("\\s+")}(?!${WITHIN})`, "iu");
  return whole.test(text) ? text.replace(whole, " ").replace(/\s+/g, " ").trim() : null;
}

/** How the text was read: words that were corrected, and what others were taken for, each to be taken back. */
function Read({ app, state, answer }) {
  if (!answer || !state.q.trim()) return null;
  const { did_you_mean: meant, understood = [] } = answer;
  const drop = (words) => {
    const q = withoutWords(state.q, words);
    app.go(q === null ? { literal: true } : { q });
  };
  const label = ({ kind, value, name, price_min: low, price_max: high, currency }) => {
    if (kind === "price") return priceRange(low, high, currency);
    const shown = Array.isArray(value) ? leaf(value) : value;
    return kind === "attribute" ? `${name}: ${shown}` : shown;
  };
  return html`
    ${meant &&
    html`<p class="read">Showing results for <strong dir="auto">${meant}</strong>. Search instead for${" "}
      <button type="button" class="link-button" dir="auto"
        onClick=${() => app.go({ exact: true })}>${state.q.trim()}</button></p>`}
    ${state.exact && html`<div class="chips">
    <${Chip} label="As it is written" act=${() => app.go({ exact: false })} /></div>`}
    ${understood.length > 0 &&
    html`<div class="chips understood"><span class="muted">Understood</span>
      ${understood.map((one) => html`<${Chip} key=${one.words} label=${label(one)}
        title=${`“${one.words}” was read as ${one.kind}`} act=${() => drop(one.words)} />`)}
      <button type="button" class="link-button"
        onClick=${() => app.go({ literal: true })}>Take all as words</button></div>`}
    ${state.literal && html`<div class="chips">
    <${Chip} label="Words alone, nothing understood" act=${() => app.go({ literal: false })} /></div>`}`;
}

/** What a rule made from a card holds for: the text searched for, or the one category chosen. */
function scopeOf(state) {
  if (state.q.trim()) return { query: state.q.trim() };
  return state.category.length === 1 ? { category: names(state.category[0]) } : null;
}

const isFiltered = (state, answer) =>
  activeCount(state) > 0 || (answer?.understood ?? []).some(({ kind }) => kind === "price");

function Nothing({ app, state }) {
  const filtered = activeCount(state) > 0;
  if (!state.q && !filtered)
    return html`<${Notice} title="The catalogue is empty" remedies=${[{ command: "recommender ingest FEED" }]}
      text="Take a product feed in; its products appear here as soon as they are indexed." />`;
  const remedies = [];
  if (filtered) remedies.push({ label: "Clear the filters", act: () => app.go(noFilters()) });
  if (state.q && state.mode === "lexical")
    remedies.push({ label: "Search by meaning too", act: () => app.go({ mode: "hybrid" }) });
  return html`<${Notice} title="No product matches" remedies=${remedies}
    text=${filtered ? "Fewer filters leave more." : "Try other words."} />`;
}

/** The panel covers a phone's screen: nothing behind it can be reached meanwhile, and Escape closes it. */
function useDrawer(app, open, close) {
  useLayoutEffect(() => {
    if (!open) return;
    const top = /** @type {any} */ (document.querySelector(".top"));
    const before = /** @type {any} */ (document.activeElement);
    top.inert = true;
    document.body.classList.add("covered");
    /** @type {any} */ (document.querySelector("#filters button, #filters input"))?.focus({ preventScroll: true });
    app.escape = () => (close(), true);
    return () => {
      top.inert = false;
      document.body.classList.remove("covered");
      app.escape = () => false;
      before?.focus();
    };
  }, [open]);
}
