// The start page and the results: cards while typing, with filters beside them.

import { get, Latest } from "./api.js";
import { anyPicture, card } from "./cards.js";
import { departmentsKnown, knowDepartments } from "./colours.js";
import { modeSwitch, toggle } from "./controls.js";
import { h, icon, ICONS, swap } from "./dom.js";
import { activeCount, chips, Filters, noFilters } from "./filters.js";
import { names, plural } from "./format.js";
import { failure, notice } from "./notices.js";
import { ruleActions } from "./rules.js";
import { address, asked, hasFilters, MAX_SHOWN, OPTIONS, PAGE, pick } from "./state.js";

/** Ask for the answer of a state: a search where there is a text, else the catalogue as it is browsed. */
export function ask(state, { k, offset = 0, facets = false, signal }) {
  const query = asked(state);
  query.set("k", k);
  if (offset) query.set("offset", offset);
  if (facets) query.set("facets", "true");
  const text = state.q.trim();
  if (!text) return get("v1/products", forBrowsing(query), { signal });
  query.set("q", text);
  return get("v1/search", query, { signal });
}

function forBrowsing(query) {
  for (const name of ["mode", "diversity", "explain", "fallback"]) query.delete(name);
  return query;
}

/** Learn the departments of the shop, once: what the tree begins with, and what colours stand for. */
export async function departments(app) {
  if (!app.departments) {
    const answer = await get("v1/products", new URLSearchParams({ k: "1", facets: "true" })).catch(() => null);
    if (!answer) return []; // colours are no reason to fail: what is asked beside this says what is wrong
    const listed = (answer.facets?.categories ?? []).filter((one) => one.value.length === 1);
    app.departments = listed.map((one) => one.value[0]);
    if (!departmentsKnown()) knowDepartments(app.departments);
  }
  return app.departments;
}

export class SearchView {
  #latest = new Latest();
  #hits = [];
  #answer = null;
  #cards = new Map();

  constructor(app) {
    this.app = app;
    this.filters = new Filters(app);
    this.mode = modeSwitch(app, "mode");
    this.explain = toggle(
      "explain",
      "Explain",
      (on) => app.go({ explain: on }, { replace: true }),
      "Say why each product is there",
    );
    this.heading = h("h1", { tabindex: "-1", dir: "auto" });
    this.count = h("p", { class: "muted count-line" });
    this.chips = h("div", { class: "chips" });
    this.grid = h("ul", { class: "grid" });
    this.notice = h("div", {});
    this.more = h("button", { type: "button", class: "button more", on: { click: () => this.#more() } }, "Show more");
    this.compare = h("a", { class: "button", data: { go: "" } }, "Compare models");
    this.drawer = h(
      "button",
      {
        type: "button",
        class: "button drawer-button",
        "aria-expanded": "false",
        "aria-controls": "filters",
        on: { click: () => this.#toggleDrawer() },
      },
      icon(ICONS.filter, 16),
      "Filters",
    );
    this.root = h(
      "div",
      { class: "browse" },
      this.filters.root,
      h(
        "section",
        { class: "results", "aria-label": "Results" },
        h(
          "div",
          { class: "results-head" },
          h("div", { class: "results-title" }, this.heading, this.count),
          h("div", { class: "toolbar" }, this.drawer, this.mode.root, this.explain.root, this.compare),
        ),
        this.chips,
        this.notice,
        this.grid,
        this.more,
      ),
    );
    this.#skeleton();
  }

  get title() {
    return this.app.state.q.trim() || "Products";
  }

  /** Show a state: at once what is known of it, then what the service answers. */
  async update(state) {
    this.#controls(state);
    this.app.busy(true);
    const outcome = await this.#latest.run(async (signal) => {
      const [known, answer] = await Promise.all([
        departments(this.app),
        ask(state, { k: state.shown, facets: true, signal }),
      ]);
      return { known, answer };
    });
    if (!outcome) return;
    this.app.busy(false);
    if (outcome.error) return this.#failed(outcome.error);
    this.#show(state, outcome.result.answer, outcome.result.known);
  }

  /** Draw the controls anew: the models became known, or a list was opened. */
  redraw(state) {
    this.#controls(state);
  }

  #controls(state) {
    const text = state.q.trim();
    this.heading.textContent = text ? `“${text}”` : "Products";
    this.mode.set(state.mode);
    this.mode.root.hidden = this.explain.root.hidden = !text;
    this.explain.set(state.explain);
    this.compare.hidden = !text || (this.app.status?.models ?? []).length < 2;
    this.compare.href = address({ ...pick(state, OPTIONS), q: state.q, view: "compare" });
    const active = activeCount(state);
    this.drawer.lastChild.textContent = active ? `Filters (${active})` : "Filters";
    swap(this.chips, chips(this.app, state));
    this.filters.update(state, null, this.app.departments ?? []);
  }

  #show(state, answer, known) {
    this.#answer = answer;
    this.#hits = answer.hits;
    this.app.answered(answer);
    this.filters.update(state, answer.facets, known);
    swap(this.notice, answer.hits.length ? doubt(answer) : nothing(this.app, state));
    this.#draw(state);
    const words = this.#counted(state);
    this.count.textContent = words;
    this.app.announce(words);
  }

  #counted(state) {
    const shown = this.#hits.length;
    if (!shown) return "No product matches";
    const whole = shown < state.shown;
    if (!state.q.trim())
      return whole ? plural(shown, "product") : `${plural(shown, "product")}, the popular and the newest first`;
    return whole ? plural(shown, "product") : `The best ${plural(shown, "product")}`;
  }

  #draw(state) {
    const fresh = new Map();
    const scope = scopeOf(state);
    const browsing = !state.q.trim();
    this.#hits.forEach((hit, at) => {
      const key = JSON.stringify([
        hit,
        at,
        scope,
        state.explain,
        state.model,
        state.mode,
        state.diversity,
        state.variants,
      ]);
      fresh.set(
        key,
        this.#cards.get(key) ??
          card(hit, state, {
            rank: at + 1,
            actions: this.#actions(state, hit, at + 1, scope),
            plain: browsing && hit.reason !== "pinned",
          }),
      );
    });
    this.#cards = fresh;
    swap(this.grid, [...fresh.values()]);
    this.grid.classList.toggle("bare", !anyPicture(this.#hits));
    this.grid.classList.toggle("explained", state.explain && Boolean(state.q.trim()));
    this.more.hidden = this.#hits.length < state.shown || state.shown >= MAX_SHOWN;
  }

  #actions(state, hit, rank, scope) {
    const similar = () => this.app.go({ ...noFilters(), sku: hit.sku, q: "" });
    return [{ label: "Similar products", act: similar }, ...ruleActions(this.app, hit, rank, scope)];
  }

  async #more() {
    const state = this.app.state;
    this.more.disabled = true;
    const k = Math.min(PAGE, MAX_SHOWN - this.#hits.length);
    const outcome = await this.#latest.run((signal) => ask(state, { k, offset: this.#hits.length, signal }));
    this.more.disabled = false;
    if (!outcome) return;
    if (outcome.error) return this.#failed(outcome.error);
    const seen = new Set(this.#hits.map((hit) => hit.sku));
    const added = outcome.result.hits.filter((hit) => !seen.has(hit.sku));
    const first = this.#hits.length;
    this.#hits = [...this.#hits, ...added];
    this.app.note({ shown: state.shown + k });
    this.#draw(this.app.state);
    this.grid.children[first]?.querySelector("a")?.focus({ preventScroll: true });
    const words = this.#counted(this.app.state);
    this.count.textContent = words;
    this.app.announce(`${added.length} more. ${words}`);
  }

  #failed(error) {
    this.#cards = new Map();
    this.grid.replaceChildren();
    this.more.hidden = true;
    this.count.textContent = "";
    swap(
      this.notice,
      failure(error, () => this.app.refresh()),
    );
    this.app.failed(error);
  }

  #skeleton() {
    this.more.hidden = true;
    this.grid.replaceChildren(
      ...Array.from({ length: 8 }, () =>
        h(
          "li",
          { class: "card ghost", "aria-hidden": "true" },
          h("div", { class: "picture" }),
          h("div", { class: "card-body" }),
        ),
      ),
    );
    this.count.textContent = "\u00a0";
  }

  #toggleDrawer() {
    const open = this.filters.root.classList.toggle("open");
    this.drawer.setAttribute("aria-expanded", String(open));
    // The panel covers a phone's screen: nothing behind it can be reached meanwhile.
    for (const behind of [this.root.querySelector(".results"), document.querySelector(".top")]) behind.inert = open;
    document.body.classList.toggle("covered", open);
    if (open) this.filters.root.querySelector("button, input")?.focus({ preventScroll: true });
  }

  /** Escape closes the panel on a phone; tells whether there was anything to close. */
  escape() {
    if (!this.filters.root.classList.contains("open")) return false;
    this.#toggleDrawer();
    this.drawer.focus();
    return true;
  }

  leave() {
    this.escape();
    this.#latest.stop();
    this.app.busy(false);
  }
}

/** What a rule made from a card holds for: the text searched for, or the one category chosen. */
export function scopeOf(state) {
  if (state.q.trim()) return { query: state.q.trim() };
  return state.category.length === 1 ? { category: names(state.category[0]) } : null;
}

/** Say that what follows may not be what was searched for. */
function doubt(answer) {
  if (answer.confidence === "none")
    return notice("No product matches these words", "The nearest in meaning are shown.", [], "doubt");
  return null;
}

function nothing(app, state) {
  const remedies = [];
  if (hasFilters(state)) remedies.push({ label: "Clear the filters", act: () => app.go({ ...noFilters(), shown: 0 }) });
  if (state.q && state.mode === "lexical")
    remedies.push({ label: "Search by meaning too", act: () => app.go({ mode: "hybrid" }) });
  if (!state.q && !hasFilters(state))
    return notice(
      "The catalogue is empty",
      "Take a product feed in; its products appear here as soon as they are indexed.",
      [{ command: "recommender ingest FEED" }],
    );
  return notice("No product matches", hasFilters(state) ? "Fewer filters leave more." : "Try other words.", remedies);
}
