// The page: which view the address asks for, the search box, the keyboard, and the line about the service.

import { forgetAnswers, get } from "./api.js";
import { CompareView } from "./compare.js";
import { noFilters } from "./filters.js";
import { number } from "./format.js";
import { MapView } from "./map.js";
import { closeMenu } from "./menu.js";
import { askForKey } from "./notices.js";
import { ProductView } from "./product.js";
import { RulesView } from "./rules.js";
import { SearchView } from "./search.js";
import { address, OPTIONS, PAGE, parse, pick, viewOf } from "./state.js";

const TYPING_MS = 140;
const STATUS_MS = 15_000;
const VIEWS = { search: SearchView, product: ProductView, compare: CompareView, map: MapView, rules: RulesView };

const element = (id) => document.getElementById(id);

class App {
  state = parse(location.search);
  status = null;
  departments = null;
  #view = null;
  #kind = "";
  #typing = 0;
  #asked = null;
  #away = false;
  #keyAsked = false;

  start() {
    history.scrollRestoration = "manual";
    addEventListener("popstate", (event) => this.#back(event));
    document.addEventListener("click", (event) => this.#click(event));
    document.addEventListener("keydown", (event) => this.#key(event));
    element("search").addEventListener("input", () => this.#type());
    element("search-form").addEventListener("submit", (event) => (event.preventDefault(), this.#search()));
    element("theme").addEventListener("click", () => document.dispatchEvent(new CustomEvent("themetoggle")));
    document.addEventListener("themechange", () => this.#themed());
    this.#themed();
    this.#render();
    this.knownStatus();
    setInterval(() => document.hidden || this.#watch(), STATUS_MS);
  }

  /** Go to another state: changes of this one. `replace` leaves no step to go back to. */
  go(changes, { replace = false } = {}) {
    clearTimeout(this.#typing);
    const next = { ...this.state, ...changes };
    if (!("shown" in changes) || !changes.shown) next.shown = PAGE;
    this.#enter(next, replace);
  }

  #enter(next, replace) {
    const moved = viewOf(next) !== this.#kind || next.sku !== this.state.sku;
    if (replace) history.replaceState(history.state, "", address(next));
    else {
      history.replaceState({ ...history.state, scroll: scrollY }, "");
      history.pushState(null, "", address(next));
    }
    this.state = next;
    const shown = this.#render();
    if (moved) shown.then(() => this.#arrive());
  }

  /** Take note in the address of something that is shown already. */
  note(changes) {
    this.state = { ...this.state, ...changes };
    history.replaceState(history.state, "", address(this.state));
  }

  refresh() {
    this.#view.update(this.state);
    this.#watch();
  }

  closePanel() {
    this.#view.escape?.();
  }

  redraw() {
    this.#view.redraw?.(this.state);
  }

  async #render() {
    closeMenu();
    const kind = viewOf(this.state);
    if (kind !== this.#kind) this.#mount(kind);
    const box = element("search");
    if (box !== document.activeElement || box.value.trim() !== this.state.q.trim()) box.value = this.state.q;
    this.titled();
    await this.#view.update(this.state);
    this.titled();
  }

  #mount(kind) {
    this.#view?.leave();
    this.#kind = kind;
    this.#view = new VIEWS[kind](this);
    element("main").replaceChildren(this.#view.root);
    document.body.dataset.view = kind;
    for (const link of document.querySelectorAll("[data-place]")) {
      const here = link.dataset.place === kind || (kind === "product" && link.dataset.place === "search");
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  titled() {
    document.title = `${this.#view.title} · Explorer`;
  }

  #arrive() {
    scrollTo({ top: 0, behavior: "instant" });
    if (document.activeElement !== element("search"))
      element("main").querySelector("h1")?.focus({ preventScroll: true });
  }

  async #back(event) {
    const from = this.state.sku;
    clearTimeout(this.#typing);
    this.state = parse(location.search);
    await this.#render();
    scrollTo({ top: event.state?.scroll ?? 0, behavior: "instant" });
    const left = from && [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === `card ${from}`);
    left?.focus({ preventScroll: true });
  }

  #click(event) {
    const link = event.target.closest?.("a[data-go]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !plain) return;
    event.preventDefault();
    const target = new URL(link.href);
    const next = parse(target.search);
    // The views of the header are asked in the way that was chosen, and about what is being looked at.
    if (link.dataset.place) Object.assign(next, pick(this.state, OPTIONS));
    if (link.dataset.place === "compare")
      Object.assign(next, { q: this.state.q, sku: this.state.q ? "" : this.state.sku });
    this.#enter(next, false);
  }

  #key(event) {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      element("search").select();
      element("search").focus();
    } else if (event.key === "Escape") {
      closeMenu();
      if (!this.#view.escape?.() && event.target === element("search") && !element("search").value)
        element("search").blur();
    } else if (event.key === "ArrowDown" && event.target === element("search")) {
      event.preventDefault();
      element("main").querySelector(".card-link")?.focus();
    }
  }

  #type() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#search(), TYPING_MS);
  }

  #search() {
    clearTimeout(this.#typing);
    const q = element("search").value;
    if (q.trim() === this.state.q.trim() && ["search", "compare"].includes(this.#kind)) return;
    const rest = { q, sku: "", shown: PAGE };
    if (this.#kind === "search") this.go(rest, { replace: Boolean(this.state.q) });
    else if (this.#kind === "compare") this.go(rest, { replace: true });
    else this.go({ ...rest, ...noFilters(), view: "", widen: false });
  }

  busy(on) {
    element("busy").hidden = !on;
    element("main").setAttribute("aria-busy", String(on));
  }

  announce(text) {
    element("announcer").textContent = text;
  }

  #themed() {
    const dark = document.documentElement.dataset.theme === "dark";
    element("theme").setAttribute("aria-pressed", String(dark));
  }

  /** The state of the service, asked once; null when it can't be had. */
  async knownStatus() {
    if (!this.status) {
      this.#asked ??= this.#watch().finally(() => (this.#asked = null));
      await this.#asked;
    }
    return this.status;
  }

  async #watch() {
    try {
      const before = this.status;
      this.status = await get("v1/status", undefined, { remember: false });
      this.#pulse(this.status.waiting || this.status.parked ? "working" : "fine");
      element("status").textContent = statusLine(this.status);
      if (this.#away) this.#returned();
      else if (before && before.generation !== this.status.generation) this.#switched();
      else if (!before) this.redraw(); // the models are known now: the choices among them appear
    } catch (error) {
      this.failed(error);
    }
  }

  #returned() {
    this.#away = false;
    forgetAnswers();
    this.#view.update(this.state);
  }

  #switched() {
    forgetAnswers();
    this.#view.update(this.state);
  }

  answered() {
    if (element("pulse").dataset.state === "away") this.#pulse("fine");
  }

  failed(error) {
    this.#away ||= error.status === 0 || error.status === 503;
    if (error.status === 0 || error.status >= 500) this.#pulse("away");
    if (error.status === 0) element("status").textContent = "The service does not answer";
    if (error.status === 401 && !this.#keyAsked) this.#askKey();
  }

  async #askKey() {
    this.#keyAsked = true;
    if (await askForKey()) this.refresh();
    this.#keyAsked = false;
  }

  #pulse(state) {
    element("pulse").dataset.state = state;
  }
}

function statusLine(status) {
  if (!status.model) return "No model is live yet; run: recommender ingest FEED";
  const parts = [
    status.model,
    `generation ${status.generation}`,
    `${number(status.products)} products`,
    status.waiting ? `${number(status.waiting)} waiting` : "nothing waiting",
  ];
  if (status.parked) parts.push(`${number(status.parked)} parked`);
  return parts.join(" · ");
}

new App().start();
