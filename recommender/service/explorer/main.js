// The page: which view the address asks for, the keyboard, what views tell the reader, and the state of the service.

import { forgetAnswers, get } from "./api.js";
import { CompareView } from "./compare.js";
import { number, plural } from "./format.js";
import { MapView } from "./map.js";
import { KeyDialog } from "./notices.js";
import { Go, Icon } from "./parts.js";
import { ProductView } from "./product.js";
import { RulesView } from "./rules.js";
import { SearchView } from "./search.js";
import { SearchesView } from "./searches.js";
import { SearchBox } from "./search_box.js";
import { address, noFilters, OPTIONS, PAGE, parse, pick, viewOf } from "./state.js";
import { html, render } from "./vendor/preact.js";

const STATUS_MS = 15_000;
const LATE_MS = 400;
const VIEWS = {
  search: SearchView,
  product: ProductView,
  compare: CompareView,
  map: MapView,
  rules: RulesView,
  searches: SearchesView,
};
const PLACES = [
  ["search", "./", "Products"],
  ["compare", "?view=compare", "Compare"],
  ["map", "?view=map", "Map"],
  ["rules", "?view=rules", "Rules"],
  ["searches", "?view=searches", "Searches"],
];

/** @returns {any} */
const element = (id) => document.getElementById(id);

class App {
  state = parse(location.search);
  /** @type {import("./types").Status | null} */
  status = null;
  /** @type {string[] | null} */
  departments = null;
  /** Whether facets list all of their values; whether the last word of a search is still being typed. */
  allValues = false;
  typing = false;
  /** Every view loads anew when it changes. */
  round = 0;
  escape = () => false;
  /** @type {{id: number, text: string, undo: (() => void) | null}[]} */
  toasts = [];
  #pulse = "";
  #line = "Asking the service …";
  #running = 0;
  /** The timer that shows the bar when an answer is late. */
  #late = 0;
  #away = false;
  /**
   * Where to scroll to and which card to focus, once what was gone to is shown.
   * @type {{scroll: number, sku: string} | null}
   */
  #arriving = null;
  /** @type {{given: Promise<boolean>, done: (given: boolean) => void} | null} */
  #key = null;

  start() {
    history.scrollRestoration = "manual";
    addEventListener("popstate", (event) => this.#back(event));
    document.addEventListener("click", (event) => this.#click(event));
    document.addEventListener("keydown", (event) => this.#press(event));
    document.addEventListener("themechange", () => this.draw());
    this.draw();
    this.busy(0);
    this.#watch();
    setInterval(() => document.hidden || this.#watch(), STATUS_MS);
  }

  get dark() {
    return document.documentElement.dataset.theme === "dark";
  }

  get models() {
    return this.status?.models ?? [];
  }

  draw() {
    const kind = viewOf(this.state);
    document.body.dataset.view = kind;
    const shown = kind === "product" ? "search" : kind;
    const toasts = this.toasts.map(
      ({ id, text, undo }) => html`
        <div class="toast" key=${id}>
          <span dir="auto">${text}</span>
          ${undo && html`<button type="button" class="link-button"
            onClick=${() => (this.#forget(id), undo())}>Undo</button>`}
        </div>`,
    );
    const page = html`
      <a class="skip" href="#main">Skip to the results</a>
      <header class="top">
        <${Go} class="brand" href="./" aria-label="Explorer, start page">
          <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true"><use href="explorer/icon.svg#mark" /></svg>
          <span class="brand-name">Explorer</span>
        <//>
        <${SearchBox} app=${this} state=${this.state} />
        <nav class="places" aria-label="Views">
          ${PLACES.map(([place, href, name]) => html`<${Go} href=${href} data-place=${place}
            aria-current=${place === shown ? "page" : undefined}>${name}<//>`)}
        </nav>
        <button class="icon-button" id="theme" type="button" aria-label="Dark theme" aria-pressed=${String(this.dark)}
          onClick=${() => document.dispatchEvent(new CustomEvent("themetoggle"))}>
          <${Icon} name="moon" size="20" /></button>
        <div class="busy" id="busy" hidden></div>
      </header>
      <main id="main" tabindex="-1"><${VIEWS[kind]} key=${kind} app=${this} state=${this.state} /></main>
      <footer class="bottom" aria-label="State of the service">
        <span class="dot" id="pulse" data-state=${this.#pulse} aria-hidden="true"></span>
        <span id="status" title=${this.#line}>${this.#line}</span>
      </footer>
      <div class="unseen" id="announcer" aria-live="polite"></div>
      <div class="toasts" id="toasts" role="status">${toasts}</div>
      ${this.#key && html`<${KeyDialog} done=${this.#key.done} />`}`;
    render(page, element("page"));
  }

  /** Go to another state: changes of this one. `replace` leaves no step to go back to. */
  go(changes, { replace = false, typing = false } = {}) {
    this.#enter({ ...this.state, shown: PAGE, ...changes }, replace, typing);
  }

  /** Search for what is in the box; while somebody types, the last word may be cut off. */
  search(q, typing) {
    const kind = viewOf(this.state);
    const same = q.trim() === this.state.q.trim() && (kind === "search" || kind === "compare");
    if (same && typing === this.typing) return;
    const cut = typing && !/\s$/.test(q);
    const changes = { q, sku: "", exact: false, literal: false };
    if (kind === "search") this.go(changes, { replace: Boolean(this.state.q), typing: cut });
    else if (kind === "compare") this.go(changes, { replace: true });
    else this.go({ ...changes, ...noFilters(), view: "", widen: false }, { typing: cut });
  }

  #enter(next, replace, typing = false) {
    const moved = viewOf(next) !== viewOf(this.state) || next.sku !== this.state.sku;
    if (replace) history.replaceState(history.state, "", address(next));
    else {
      history.replaceState({ ...history.state, scroll: scrollY }, "");
      history.pushState(null, "", address(next));
    }
    this.state = next;
    this.typing = typing;
    if (moved) {
      this.#arriving = { scroll: 0, sku: "" };
      this.allValues = false;
    }
    this.draw();
  }

  #back(event) {
    this.#arriving = { scroll: event.state?.scroll ?? 0, sku: this.state.sku };
    this.state = parse(location.search);
    this.typing = false;
    this.draw();
  }

  /** If the view that was gone to is `ready`: scroll to where it was, and focus what was left, or its title. */
  arrived(ready) {
    if (!ready || !this.#arriving) return;
    const { scroll, sku } = this.#arriving;
    this.#arriving = null;
    scrollTo({ top: scroll, behavior: "instant" });
    const left = sku && document.querySelector(`.card[data-sku="${CSS.escape(sku)}"] .card-link`);
    const target = left || document.querySelector("main h1");
    if (document.activeElement !== element("search")) /** @type {any} */ (target)?.focus({ preventScroll: true });
  }

  /** Take note in the address of something that is shown already. */
  note(changes) {
    this.state = { ...this.state, ...changes };
    history.replaceState(history.state, "", address(this.state));
    this.draw();
  }

  /** Load what is shown anew. */
  refresh() {
    this.round += 1;
    this.draw();
    this.#watch();
  }

  wantAllValues() {
    if (this.allValues) return;
    this.allValues = true;
    this.draw();
  }

  #click(event) {
    const link = event.target.closest?.("a[data-go]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !plain) return;
    event.preventDefault();
    const next = parse(new URL(link.href).search);
    // The views of the header are asked in the way that was chosen, and about what is being looked at.
    if (link.dataset.place) Object.assign(next, pick(this.state, OPTIONS));
    const { q, sku } = this.state;
    if (link.dataset.place === "compare") Object.assign(next, { q, sku: q ? "" : sku });
    this.#enter(next, false);
  }

  #press(event) {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      element("search").select();
      element("search").focus();
    } else if (event.key === "Escape") this.escape();
  }

  /** Requests that began (+1) and ended (-1). */
  busy(change) {
    this.#running += change;
    const running = this.#running > 0;
    element("main").setAttribute("aria-busy", String(running));
    // A hidden bar costs nothing; one that moves, or waits to, has the browser draw 60 frames a second.
    if (!running) {
      clearTimeout(this.#late);
      this.#late = 0;
      element("busy").hidden = true;
    } else this.#late ||= setTimeout(() => (element("busy").hidden = false), LATE_MS);
  }

  title(text) {
    document.title = `${text} · Explorer`;
  }

  announce(text) {
    element("announcer").textContent = text;
  }

  /** Tell what was done, for a few seconds; `undo` takes it back. */
  tell(text, undo = null) {
    const id = performance.now();
    this.toasts = [...this.toasts, { id, text, undo }];
    setTimeout(() => this.#forget(id), undo ? 8000 : 5000);
    this.draw();
  }

  #forget(id) {
    this.toasts = this.toasts.filter((one) => one.id !== id);
    this.draw();
  }

  async #watch() {
    try {
      const before = this.status;
      const status = (this.status = await get("v1/status", { remember: false }));
      this.#pulse = status.waiting || status.parked ? "working" : "fine";
      this.#line = statusLine(status);
      if (this.#away || (before && before.generation !== status.generation)) {
        forgetAnswers();
        this.round += 1;
      }
      this.#away = false;
      this.draw();
    } catch (error) {
      this.failed(error);
    }
  }

  answered() {
    if (this.#pulse !== "away") return;
    this.#pulse = "fine";
    this.draw();
  }

  failed(error) {
    this.#away ||= error.status === 0 || error.status === 503;
    if (error.status === 0 || error.status >= 500) this.#pulse = "away";
    if (error.status === 0) this.#line = "The service does not answer";
    this.draw();
    if (error.status === 401) this.askKey();
  }

  /** Ask for an API key in a dialog, once at a time; resolves to whether one was given. */
  askKey() {
    if (!this.#key) {
      let done = (/** @type {boolean} */ _given) => {};
      const given = new Promise((/** @type {(given: boolean) => void} */ resolve) => {
        done = (given) => {
          if (!this.#key) return;
          this.#key = null;
          this.draw();
          resolve(given);
          if (given) this.refresh();
        };
      });
      this.#key = { given, done };
      this.draw();
    }
    return this.#key.given;
  }
}

function statusLine(status) {
  if (!status.model) return "No model is live yet; run: recommender ingest FEED";
  const parts = [
    plural(status.products, "product"),
    status.waiting ? `${number(status.waiting)} waiting` : "nothing waiting",
    status.parked && `${number(status.parked)} parked`,
    status.model,
    `generation ${status.generation}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

new App().start();
