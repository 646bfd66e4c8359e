// One product: its fields, and the products like it.

import { get, Latest } from "./api.js";
import { anyPicture, card, picture, stock } from "./cards.js";
import { modeSwitch, toggle } from "./controls.js";
import { h, icon, ICONS, swap, webAddress } from "./dom.js";
import { chips, noFilters, optionChips } from "./filters.js";
import { attributeFilter, leaf, path, plural, price, prose } from "./format.js";
import { failure, notice } from "./notices.js";
import { ruleActions } from "./rules.js";
import { departments } from "./search.js";
import { address, asked, MAX_SHOWN, OPTIONS, PAGE, pick } from "./state.js";

/** Ask for the products like one. */
export function askSimilar(state, { k, offset = 0, signal }) {
  const query = asked(state);
  query.set("sku", state.sku);
  query.set("k", k);
  if (offset) query.set("offset", offset);
  return get("v1/similar", query, { signal });
}

export const askProduct = (sku, signal) => get(`v1/products/${encodeURIComponent(sku)}`, undefined, { signal });

export class ProductView {
  #latest = new Latest();
  #sku = "";
  #product = null;
  #name = "Product";

  constructor(app) {
    this.app = app;
    this.mode = modeSwitch(app, "similar-mode");
    this.explain = toggle(
      "similar-explain",
      "Explain",
      (on) => app.go({ explain: on }, { replace: true }),
      "Say why each product is there",
    );
    this.compare = h("a", { class: "button", data: { go: "" } }, "Compare models");
    this.facts = h("div", {});
    this.count = h("p", { class: "muted count-line" });
    this.quick = h("div", { class: "chips quick" });
    this.chips = h("div", { class: "chips" });
    this.notice = h("div", {});
    this.grid = h("ul", { class: "grid" });
    this.more = h(
      "button",
      { type: "button", class: "button more", hidden: true, on: { click: () => this.#more() } },
      "Show more",
    );
    this.similar = h(
      "section",
      { class: "results", "aria-labelledby": "similar-title", hidden: true },
      h(
        "div",
        { class: "results-head" },
        h("div", { class: "results-title" }, h("h2", { id: "similar-title" }, "Similar products"), this.count),
        h("div", { class: "toolbar" }, this.mode.root, this.explain.root, this.compare),
      ),
      this.quick,
      this.chips,
      this.notice,
      this.grid,
      this.more,
    );
    this.root = h("div", { class: "page" }, this.facts, this.similar);
  }

  get title() {
    return this.#name;
  }

  redraw(state) {
    this.mode.set(state.mode);
    this.explain.set(state.explain);
    this.compare.hidden = (this.app.status?.models ?? []).length < 2;
    this.compare.href = address({ ...pick(state, OPTIONS), sku: state.sku, view: "compare" });
  }

  async update(state) {
    this.redraw(state);
    this.app.busy(true);
    const outcome = await this.#latest.run(async (signal) => {
      const [, product] = await Promise.all([departments(this.app), askProduct(state.sku, signal)]);
      if (this.#sku !== state.sku) this.#tell(product);
      this.#narrow(state, product);
      return askSimilar(state, { k: state.shown, signal });
    });
    if (!outcome) return;
    this.app.busy(false);
    if (outcome.error) return this.#failed(outcome.error);
    this.#show(state, outcome.result);
  }

  #tell(product) {
    this.#sku = product.sku;
    this.#product = product;
    this.#name = product.title;
    this.app.titled();
    swap(this.facts, facts(this.app, product));
    this.grid.replaceChildren();
    this.count.textContent = "\u00a0";
    this.similar.hidden = false;
  }

  /** Ways of asking that a shop uses on a product page, each one click away. */
  #narrow(state, product) {
    const category = path(product.category);
    const others = noFilters();
    const entry = (label, on, change) =>
      h(
        "button",
        {
          type: "button",
          class: "chip choice",
          "aria-pressed": String(on),
          data: { key: `quick ${label}` },
          on: { click: () => this.app.go({ ...change, shown: 0 }, { replace: true }) },
        },
        h("span", { dir: "auto" }, label),
      );
    const inside = state.category.includes(category);
    const apart = state.exclude_brand.includes(product.brand);
    swap(
      this.quick,
      category && entry(`Only ${leaf(product.category)}`, inside, { category: inside ? others.category : [category] }),
      product.brand && entry("Other brands", apart, { exclude_brand: apart ? [] : [product.brand] }),
      entry("In stock", state.in_stock, { in_stock: !state.in_stock }),
      entry("Fill up when few", state.widen, { widen: !state.widen }),
    );
    const known = {
      ...state,
      in_stock: false,
      category: state.category.filter((one) => one !== category),
      exclude_brand: state.exclude_brand.filter((one) => one !== product.brand),
    };
    swap(this.chips, chips(this.app, known).slice(0, -1), optionChips(this.app, state));
  }

  #show(state, answer) {
    this.app.answered(answer);
    this.#draw(state, answer.hits);
    swap(
      this.notice,
      answer.hits.length
        ? null
        : notice(
            "Nothing like it passes the filters",
            "“Fill up when few” reaches into wider categories, and then for what is popular.",
            [{ label: "Fill up", act: () => this.app.go({ widen: true }, { replace: true }) }],
          ),
    );
    this.count.textContent = plural(answer.hits.length, "product");
    this.app.announce(plural(answer.hits.length, "similar product"));
  }

  #draw(state, hits) {
    this.hits = hits;
    const scope = this.#product.category.length ? { category: this.#product.category } : null;
    swap(
      this.grid,
      hits.map((hit, at) => card(hit, state, { rank: at + 1, actions: ruleActions(this.app, hit, at + 1, scope) })),
    );
    this.grid.classList.toggle("bare", !anyPicture(hits));
    this.grid.classList.toggle("explained", state.explain);
    this.more.hidden = hits.length < state.shown || state.shown >= MAX_SHOWN;
  }

  async #more() {
    const state = this.app.state;
    const k = Math.min(PAGE, MAX_SHOWN - this.hits.length);
    const outcome = await this.#latest.run((signal) => askSimilar(state, { k, offset: this.hits.length, signal }));
    if (!outcome) return;
    if (outcome.error) return this.#failed(outcome.error);
    const seen = new Set(this.hits.map((hit) => hit.sku));
    const first = this.hits.length;
    this.app.note({ shown: state.shown + k });
    this.#draw(this.app.state, [...this.hits, ...outcome.result.hits.filter((hit) => !seen.has(hit.sku))]);
    this.grid.children[first]?.querySelector("a")?.focus({ preventScroll: true });
    this.count.textContent = plural(this.hits.length, "product");
  }

  #failed(error) {
    const box = failure(error, () => this.app.refresh());
    if (this.#sku === this.app.state.sku) swap(this.notice, box);
    else swap(this.facts, box);
    this.app.failed(error);
  }

  leave() {
    this.#latest.stop();
    this.app.busy(false);
  }
}

function facts(app, product) {
  const shop = webAddress(product.url);
  return h(
    "article",
    { class: anyPicture([product]) ? "product" : "product bare" },
    picture(product),
    h(
      "div",
      { class: "product-body" },
      h(
        "nav",
        { class: "crumbs", "aria-label": "Category" },
        product.category.map((name, at) => crumb(name, product.category.slice(0, at + 1))),
      ),
      h("h1", { tabindex: "-1", dir: "auto" }, product.title),
      h(
        "p",
        { class: "product-line" },
        product.brand &&
          h("a", { href: address({ brand: [product.brand] }), data: { go: "" }, dir: "auto" }, product.brand),
        h("span", { class: "muted sku" }, product.sku),
      ),
      h(
        "p",
        { class: "product-price" },
        h("strong", {}, price(product.price, product.currency)),
        stock(product.availability),
      ),
      product.description && h("p", { class: "description", dir: "auto" }, prose(product.description)),
      attributes(product),
      shop &&
        h(
          "p",
          {},
          h(
            "a",
            { class: "button", href: shop, target: "_blank", rel: "noopener noreferrer" },
            "In the shop",
            icon(ICONS.out, 15),
          ),
        ),
    ),
  );
}

const crumb = (name, upTo) =>
  h("a", { href: address({ category: [path(upTo)] }), data: { go: "" }, dir: "auto" }, name);

function attributes(product) {
  const own = [
    ["GTIN", product.gtin],
    ["MPN", product.mpn],
    ["group", product.group_id],
  ].filter(([, value]) => value);
  const rows = [...Object.entries(product.attributes ?? {}), ...own];
  if (!rows.length) return null;
  return h(
    "dl",
    { class: "attributes" },
    rows.map(([name, value]) => [
      h("dt", { dir: "auto" }, name),
      h(
        "dd",
        { dir: "auto" },
        own.some((field) => field[0] === name && field[1] === value)
          ? value
          : h(
              "a",
              {
                href: address({ attribute: [attributeFilter(name, String(value))] }),
                data: { go: "" },
                title: "Products with this attribute",
              },
              String(value),
            ),
      ),
    ]),
  );
}
