// Pins, bans and synonyms: made from the cards or here, listed, changed and taken back.

import { forgetAnswers, get, post, put, remove, useLoaded } from "./api.js";
import { departments } from "./colours.js";
import { leaf, names, path, plural, price } from "./format.js";
import { Failure, Notice } from "./notices.js";
import { Go, Picture } from "./parts.js";
import { productPath } from "./product.js";
import { productAddress } from "./state.js";
import { html, useEffect, useLayoutEffect, useState } from "./vendor/preact.js";

const DRAWN = 50;

/** Entries of a card's menu. `scope` is `{query}` or `{category}`: what a pin or a ban holds for; null for neither. */
export function ruleActions(app, hit, rank, scope) {
  const shorten = (text) => (text.length > 28 ? `${text.slice(0, 27)}…` : text);
  const inside = scope?.category ? `in ${leaf(scope.category)}` : "";
  const where = scope?.query ? `for “${shorten(scope.query)}”` : inside;
  const note = "from the Explorer";
  const make = (rule, done) => () =>
    change(app, done, async () => (await post("v1/rules", { ...rule, sku: hit.sku, ...scope, note })).id);
  const pin = (position) => make({ action: "pin", position }, `Pinned ${where}`);
  const entries = [];
  if (hit.reason === "pinned") entries.push({ label: `Unpin ${where}`, act: () => unpin(app, hit.sku, scope) });
  if (scope) entries.push({ label: `Pin to the top ${where}`, act: pin(1) });
  if (scope && rank > 1) entries.push({ label: `Pin here, at place ${rank}`, act: pin(rank) });
  const from = scope ? where : "everywhere";
  entries.push({ label: `Hide ${from}`, act: make({ action: "ban" }, `Hidden ${from}`) });
  return entries;
}

/** Write a rule, and say so; where `write` returns the id of a new one, it can be taken back. */
export async function change(app, done, write) {
  try {
    const id = await write();
    forgetAnswers();
    app.refresh();
    const undo = () => change(app, "Taken back", async () => void (await remove(`v1/rules/${id}`)));
    app.tell(`${done}.`, id ? undo : null);
  } catch (error) {
    if (error.status === 401 && (await app.askKey())) return change(app, done, write);
    app.tell(error.status === 403 ? `This key may only read. ${error.message}` : error.message);
  }
}

const fold = (text) => text.split(/\s+/).filter(Boolean).join(" ").toLowerCase();

/** Remove the pins of a product that hold for a text, or for a category or one above it. */
function unpin(app, sku, scope) {
  const holds = ({ query, category }) =>
    scope?.query
      ? fold(query) === fold(scope.query)
      : category.length > 0 && category.every((name, at) => fold(name) === fold(scope?.category?.[at] ?? ""));
  change(app, "Unpinned", async () => {
    const { rules } = await get("v1/rules", { remember: false });
    const pins = rules.filter((rule) => rule.action === "pin" && rule.sku === sku && holds(rule));
    for (const { id } of pins) await remove(`v1/rules/${id}`);
  });
}

/** The page that lists the rules. */
export function RulesView({ app, state }) {
  const { data, error, fresh } = useLoaded(app, "v1/rules", async (signal) => {
    const [said] = await Promise.all([get("v1/rules", { signal, remember: false }), departments(app)]);
    return said;
  });
  const [shown, setShown] = useState(DRAWN);
  /** @type {import("./types").Rule[]} */
  const rules = data?.rules ?? [];
  useLayoutEffect(() => app.arrived(true), []);
  useEffect(() => {
    if (fresh && data) app.announce(plural(rules.length, "rule"));
  }, [data]);
  app.title("Rules");
  return html`
    <div class="page narrow">
      <h1 tabindex="-1">Rules</h1>
      <p class="lead">
        What people decided over the ranking: products put at a place, products kept out, and words that mean the same.
        Pin or hide a product from the menu of any card.
      </p>
      <${SynonymForm} app=${app} />
      ${error && html`<${Failure} app=${app} problem=${error} />`}
      ${data && !error && !rules.length &&
      html`<${Notice} title="No rule is in force"
        text="Search for something, open the menu of a card, and pin or hide the product; or add a synonym above." />`}
      ${!error && rules.length > 0 &&
      html`<ul class="rules">${rules.slice(0, shown).map((rule) => html`<${RuleRow} key=${rule.id} app=${app}
        state=${state} rule=${rule} />`)}</ul>`}
      ${rules.length > shown && html`<button type="button" class="button more"
        onClick=${() => setShown(shown + DRAWN)}>Show more</button>`}
    </div>`;
}

function RuleRow({ app, state, rule }) {
  const [edited, setEdited] = useState(false);
  const [product, setProduct] = useState(/** @type {any} */ (null));
  const synonym = rule.action === "synonym";
  useEffect(() => {
    if (rule.sku) get(productPath(rule.sku)).then(setProduct, () => setProduct({ gone: true }));
  }, [rule.sku]);
  const known = product && !product.gone;
  const shown = known ? product : { sku: rule.sku, title: rule.sku, category: [], image: "" };
  const starts = rule.starts_at && new Date(rule.starts_at) > new Date() && "not yet in force";
  const over = rule.ends_at && new Date(rule.ends_at) <= new Date() && "no longer holds";
  const [from, until] = [rule.starts_at && `from ${day(rule.starts_at)}`, rule.ends_at && `until ${day(rule.ends_at)}`];
  const dates = [from, until].filter(Boolean).join(" ");
  const own = known && [rule.sku, price(product.price, product.currency)].filter(Boolean).join(" · ");
  const about = own || (product?.gone && "not in the catalogue");
  const take = () => change(app, "Removed", async () => void (await remove(`v1/rules/${rule.id}`)));
  const pinned = ["pinned", `Pin · ${rule.position}`];
  const kinds = { pin: pinned, ban: ["banned", "Hide"], synonym: ["popular", "Synonym"] };
  const [kind, name] = kinds[rule.action];
  const subject = synonym ? rule.query : rule.sku;
  return html`
    <li class=${synonym ? "rule synonym" : "rule"}>
      ${!synonym && html`<${Picture} product=${shown} />`}
      <div class="rule-text">
        <p>
          <span class=${`badge ${kind}`}>${name}</span>${" "}
          ${!synonym && html`<span class="rule-scope" dir="auto">${scopeOf(rule)}</span>`}
        </p>
        ${synonym
          ? html`<p class="rule-title own">
            <bdi>${rule.query}</bdi> ${rule.one_way ? "→" : "↔"} <bdi>${rule.means}</bdi></p>`
          : html`<${Go} class="rule-title own" href=${productAddress(state, rule.sku)}
            title=${shown.title}>${shown.title}<//>`}
        <p class="muted own" dir="auto">${[about, dates, starts, over, rule.note].filter(Boolean).join(" · ")}</p>
      </div>
      <div class="rule-actions">
        <button type="button" class="button" aria-expanded=${String(edited)}
          aria-label=${`Edit the rule for ${subject}`} onClick=${() => setEdited(!edited)}>Edit</button>
        <button type="button" class="button" aria-label=${`Remove the rule for ${subject}`}
          onClick=${take}>${rule.action === "pin" ? "Unpin" : "Remove"}</button>
      </div>
      ${edited && html`<${RuleForm} app=${app} rule=${rule} close=${() => setEdited(false)} />`}
    </li>`;
}

// Rules are dated in UTC: in the west of it, the day before would be shown.
const day = (text) => new Date(text).toLocaleDateString(undefined, { timeZone: "UTC" });

const scopeOf = (rule) =>
  rule.query
    ? html`searches for <${Go} href=${`?q=${encodeURIComponent(rule.query)}`}>“${rule.query}”<//>`
    : rule.category?.length
      ? html`in <${Go} href=${`?category=${encodeURIComponent(path(rule.category))}`}>${path(rule.category)}<//>`
      : "everywhere";

/** What a rule says, to be changed. */
function RuleForm({ app, rule, close }) {
  const submit = (event) => {
    event.preventDefault();
    const fields = [...new FormData(event.target)];
    const given = Object.fromEntries(fields.map(([name, value]) => [name, String(value).trim()]));
    const changed = {
      ...rule,
      query: given.query,
      means: given.means ?? "",
      one_way: given.one_way === "on",
      category: given.category ? names(given.category) : [],
      position: rule.action === "pin" ? Number(given.position) : rule.position,
      starts_at: moment(given.starts_at, rule.starts_at),
      ends_at: moment(given.ends_at, rule.ends_at),
      note: given.note,
    };
    change(app, "Changed", async () => {
      await put(`v1/rules/${rule.id}`, changed);
      close();
    });
  };
  return html`
    <form class="rule-form" onSubmit=${submit}>
      ${rule.action === "pin" &&
      field("position", "Place", rule.position, { type: "number", min: 1, max: 1000, required: true })}
      ${rule.action === "synonym"
        ? html`${field("query", "Words", rule.query, { required: true })}
            ${field("means", "Mean", rule.means, { required: true })}
            <${OneWay} checked=${rule.one_way} />`
        : html`${field("query", "For searches of", rule.query)}
            ${field("category", "In the category", path(rule.category ?? []), { placeholder: "Shoes > Boots" })}`}
      ${field("starts_at", "From (UTC)", (rule.starts_at ?? "").slice(0, 10), { type: "date" })}
      ${field("ends_at", "Until (UTC)", (rule.ends_at ?? "").slice(0, 10), { type: "date" })}
      ${field("note", "Note", rule.note)}
      <div class="dialog-actions">
        <button type="button" class="button" onClick=${close}>Cancel</button>
        <button type="submit" class="button primary">Save</button>
      </div>
    </form>`;
}

const field = (name, label, value, more = {}) => html`
  <label class="field"><span>${label}</span>
  <input type="text" name=${name} value=${value} dir="auto" autocomplete="off" ...${more} /></label>`;

const OneWay = ({ checked = false }) =>
  html`<label class="check"><input type="checkbox" name="one_way" checked=${checked} />
  <span>One way: not from the second to the first</span></label>`;

/** Makes a synonym; `words` are given where it is made for a search. */
export function SynonymForm({ app, words = "", done = () => {} }) {
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    const given = new FormData(form);
    const [query, means] = ["query", "means"].map((name) => String(given.get(name)).trim());
    change(app, `“${query}” finds “${means}”`, async () => {
      const made = await post("v1/rules", { action: "synonym", query, means, one_way: given.has("one_way") });
      form.reset();
      done();
      return made.id;
    });
  };
  return html`
    <form class="rule-form synonym-form" onSubmit=${submit} aria-label="New synonym">
      ${field("query", "Words", words, { required: true, placeholder: "sneaker" })}
      ${field("means", "Mean", "", { required: true, placeholder: "trainers" })}
      <${OneWay} /><button type="submit" class="button primary">Add a synonym</button>
    </form>`;
}

/** Return the moment of a rule's date; its time of the day stays where the date does. */
const moment = (date, before) => (!date ? null : before?.startsWith(date) ? before : date);
