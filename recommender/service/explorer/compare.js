// The same question to two models, side by side.

import { Latest } from "./api.js";
import { badge, explanation, picture, productAddress } from "./cards.js";
import { modelChoice, modeSwitch, toggle } from "./controls.js";
import { h, swap } from "./dom.js";
import { leaf, plural, price } from "./format.js";
import { failure, notice } from "./notices.js";
import { askProduct, askSimilar } from "./product.js";
import { ask, departments } from "./search.js";

const COMPARED = 20;

export class CompareView {
  #latest = new Latest();
  title = "Compare models";

  constructor(app) {
    this.app = app;
    this.left = modelChoice("left-model", "Left", (name) => app.go({ model: name }, { replace: true }));
    this.right = modelChoice("right-model", "Right", (name) => app.go({ against: name }, { replace: true }));
    this.mode = modeSwitch(app, "compare-mode");
    this.explain = toggle("compare-explain", "Explain", (on) => app.go({ explain: on }, { replace: true }));
    this.about = h("p", { class: "lead", dir: "auto" });
    this.summary = h("p", { class: "compare-summary" });
    this.body = h("div", {});
    this.root = h(
      "div",
      { class: "page" },
      h(
        "div",
        { class: "results-head" },
        h("div", { class: "results-title" }, h("h1", { tabindex: "-1" }, "Compare models"), this.about),
        h("div", { class: "toolbar" }, this.mode.root, this.explain.root),
      ),
      h("div", { class: "compare-models" }, this.left.root, this.right.root, this.summary),
      this.body,
    );
  }

  async update(state) {
    const models = (await this.app.knownStatus())?.models ?? [];
    const other = state.against || models.find((name) => name !== (state.model || models[0])) || "";
    this.left.set(models, state.model || models[0] || "", { always: true, live: false });
    this.right.set(models, other, { always: true, live: false });
    this.mode.set(state.mode);
    this.explain.set(state.explain);
    this.about.textContent = "";
    this.summary.textContent = "";
    if (models.length < 2) return swap(this.body, lonely(models));
    if (!state.q.trim() && !state.sku)
      return swap(
        this.body,
        notice(
          "What shall both be asked?",
          "Type a search above, or open a product and choose “Compare models” there.",
        ),
      );
    await this.#compare(state, state.model || models[0], other);
  }

  async #compare(state, first, second) {
    this.app.busy(true);
    const outcome = await this.#latest.run(async (signal) => {
      const [, product] = await Promise.all([departments(this.app), state.sku && askProduct(state.sku, signal)]);
      const one = (model) => (state.sku ? askSimilar : ask)({ ...state, model }, { k: COMPARED, signal });
      const [left, right] = await Promise.all([one(first), one(second)]);
      return { product, left, right };
    });
    if (!outcome) return;
    this.app.busy(false);
    if (outcome.error) {
      this.app.failed(outcome.error);
      return swap(
        this.body,
        failure(outcome.error, () => this.app.refresh()),
      );
    }
    this.#show(state, outcome.result);
  }

  #show(state, { product, left, right }) {
    this.app.answered();
    swap(
      this.about,
      product
        ? ["Similar to ", h("a", { href: productAddress(state, product.sku), data: { go: "" } }, product.title)]
        : `Search: “${state.q.trim()}”`,
    );
    const places = (hits) => new Map(hits.map((hit, at) => [hit.sku, at + 1]));
    const [before, after] = [places(left.hits), places(right.hits)];
    const common = left.hits.filter((hit) => after.has(hit.sku)).length;
    const words = `${common} in both, ${left.hits.length - common} only left, ${right.hits.length - common} only right; ${inLeaf(left, right)}`;
    this.summary.textContent = words;
    this.app.announce(words);
    swap(
      this.body,
      h("div", { class: "compare" }, column(state, left, after, null), column(state, right, before, before)),
    );
  }

  leave() {
    this.#latest.stop();
    this.app.busy(false);
  }
}

/** How many leaf categories each answer draws from: a quick sign of focus, without calling either better. */
function inLeaf(left, right) {
  const leaves = ({ hits }) => new Set(hits.map((hit) => hit.category.join(">"))).size;
  const [one, other] = [leaves(left), leaves(right)];
  return one === other
    ? `${plural(one, "category", "categories")} each`
    : `${one} against ${plural(other, "category", "categories")}`;
}

function column(state, answer, other, before) {
  return h(
    "section",
    { class: "compare-column", "aria-label": answer.model },
    h(
      "h2",
      { class: "column-title" },
      h("span", { class: "ellipsis" }, answer.model),
      h("span", { class: "muted" }, answer.generation),
    ),
    answer.hits.length
      ? h(
          "ol",
          { class: "compare-list" },
          answer.hits.map((hit, at) => row(state, answer.model, hit, at + 1, other.has(hit.sku), before?.get(hit.sku))),
        )
      : h("p", { class: "muted" }, "Nothing found"),
  );
}

function row(state, model, hit, rank, shared, before) {
  return h(
    "li",
    { class: shared ? "compare-row" : "compare-row only", data: { sku: hit.sku } },
    h("span", { class: "rank" }, rank),
    picture(hit),
    h(
      "div",
      { class: "compare-text" },
      h(
        "a",
        { class: "card-link", href: productAddress({ ...state, model }, hit.sku), dir: "auto", data: { go: "" } },
        hit.title,
      ),
      h(
        "p",
        { class: "muted", dir: "auto" },
        [leaf(hit.category), price(hit.price, hit.currency)].filter(Boolean).join(" · "),
      ),
      badge(hit),
    ),
    mark(shared, before && before - rank),
    hit.explanation && explanation(hit, rank),
  );
}

function mark(shared, move) {
  if (!shared) return h("span", { class: "move only" }, "only here");
  if (move === undefined) return null;
  if (!move) return moved("same", "=", "the same place as on the left");
  const places = plural(Math.abs(move), "place");
  return move > 0
    ? moved("up", `▲ ${move}`, `${places} higher than on the left`)
    : moved("down", `▼ ${-move}`, `${places} lower than on the left`);
}

const moved = (kind, sign, words) =>
  h(
    "span",
    { class: `move ${kind}`, title: words },
    h("span", { "aria-hidden": "true" }, sign),
    h("span", { class: "unseen" }, words),
  );

function lonely(models) {
  const text = models.length
    ? `Only ${models[0]} can be asked. Train another; the generation of the one before is kept, and both can be compared.`
    : "No model can be asked yet.";
  return notice("There is one model", text, [{ command: "recommender finetune" }]);
}
