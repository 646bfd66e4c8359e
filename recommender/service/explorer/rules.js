// Pins and bans: made from the cards, listed and taken back on a page of their own.

import { forgetAnswers, get, post, remove } from "./api.js";
import { productAddress } from "./cards.js";
import { h, swap } from "./dom.js";
import { leaf, path, plural } from "./format.js";
import { askForKey, failure, notice, toast } from "./notices.js";

/** The entries of a card's menu. `scope` is `{query}` or `{category}`: what a pin or a ban holds for; null for neither. */
export function ruleActions(app, hit, rank, scope) {
  const where = scope?.query ? `for “${shorten(scope.query)}”` : scope?.category ? `in ${leaf(scope.category)}` : "";
  const pin = (position) => () => make(app, { action: "pin", sku: hit.sku, position, ...scope }, `Pinned ${where}`);
  const ban = () =>
    make(app, { action: "ban", sku: hit.sku, ...(scope ?? {}) }, scope ? `Hidden ${where}` : "Hidden everywhere");
  return [
    ...(scope ? [{ label: `Pin to the top ${where}`, act: pin(1) }] : []),
    ...(scope && rank > 1 ? [{ label: `Pin here, at place ${rank}`, act: pin(rank) }] : []),
    { label: scope ? `Hide ${where}` : "Hide everywhere", act: ban },
  ];
}

const shorten = (text) => (text.length > 28 ? `${text.slice(0, 27)}…` : text);

async function make(app, rule, done) {
  try {
    const made = await post("v1/rules", { ...rule, note: "from the Explorer" });
    forgetAnswers();
    app.refresh();
    toast(`${done}.`, () => unmake(app, made.id));
  } catch (error) {
    if (error.status === 401 && (await askForKey())) return make(app, rule, done);
    toast(error.status === 403 ? `This key may only read. ${error.message}` : error.message);
  }
}

async function unmake(app, id) {
  try {
    await remove(`v1/rules/${id}`);
    forgetAnswers();
    app.refresh();
  } catch (error) {
    toast(error.message);
  }
}

/** The page that lists the rules. */
export class RulesView {
  title = "Rules";

  constructor(app) {
    this.app = app;
    this.body = h("div", {});
    this.root = h(
      "div",
      { class: "page narrow" },
      h("h1", { tabindex: "-1" }, "Rules"),
      h(
        "p",
        { class: "lead" },
        "What people decided over the ranking: products put at a place, and products kept out. Make one from the menu of any card.",
      ),
      this.body,
    );
  }

  async update() {
    this.app.busy(true);
    try {
      const said = await get("v1/rules", undefined, { remember: false });
      const rules = Array.isArray(said) ? said : said.rules;
      swap(
        this.body,
        rules.length
          ? this.#table(rules)
          : notice(
              "No rule is in force",
              "Search for something, open the menu of a card, and pin or hide the product.",
            ),
      );
      this.app.announce(plural(rules.length, "rule"));
    } catch (error) {
      swap(
        this.body,
        failure(error, () => this.update()),
      );
      this.app.failed(error);
    }
    this.app.busy(false);
  }

  #table(rules) {
    return h(
      "ul",
      { class: "rules" },
      rules.map((rule) => this.#row(rule)),
    );
  }

  #row(rule) {
    const dates = [rule.starts_at && `from ${day(rule.starts_at)}`, rule.ends_at && `until ${day(rule.ends_at)}`]
      .filter(Boolean)
      .join(" ");
    const over = rule.ends_at && new Date(rule.ends_at) <= new Date() && "no longer holds";
    return h(
      "li",
      { class: "rule" },
      h(
        "span",
        { class: `badge ${rule.action === "pin" ? "pinned" : "banned"}` },
        rule.action === "pin" ? `Pin · ${rule.position}` : "Hide",
      ),
      h(
        "div",
        {},
        h("a", { href: productAddress(this.app.state, rule.sku), data: { go: "" }, dir: "auto" }, rule.sku),
        h("p", { class: "muted", dir: "auto" }, [scopeOf(rule), dates, over, rule.note].filter(Boolean).join(" · ")),
      ),
      h(
        "button",
        {
          type: "button",
          class: "button",
          "aria-label": `Remove the rule for ${rule.sku}`,
          on: { click: () => unmake(this.app, rule.id) },
        },
        "Remove",
      ),
    );
  }

  leave() {}
}

// Rules are dated in UTC: in the west of it, the day before would be shown.
const day = (text) => new Date(text).toLocaleDateString(undefined, { timeZone: "UTC" });

function scopeOf(rule) {
  const category = typeof rule.category === "string" ? rule.category : path(rule.category ?? []);
  return rule.query ? `searches for “${rule.query}”` : category ? `in ${category}` : "everywhere";
}
