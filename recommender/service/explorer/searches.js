// Searches without a good answer: each with a synonym or a pin to be made on the spot.

import { get, post, useLoaded } from "./api.js";
import { departments } from "./colours.js";
import { plural, price } from "./format.js";
import { Failure, Notice } from "./notices.js";
import { Go, Picture } from "./parts.js";
import { change, SynonymForm } from "./rules.js";
import { html, useEffect, useLayoutEffect, useState } from "./vendor/preact.js";

const LISTED = 200;
const FOUND = 6;
const THROTTLE_MS = 150;

export function SearchesView({ app }) {
  const path = `v1/searches?weak=true&limit=${LISTED}`;
  const { data, error, fresh } = useLoaded(app, path, async (signal) => {
    const [said] = await Promise.all([get(path, { signal, remember: false }), departments(app)]);
    return said;
  });
  const searches = data?.searches ?? [];
  useLayoutEffect(() => app.arrived(true), []);
  useEffect(() => {
    if (fresh && data) app.announce(plural(searches.length, "search", "searches"));
  }, [data]);
  app.title("Searches");
  return html`
    <div class="page narrow">
      <h1 tabindex="-1">Searches without a good answer</h1>
      <p class="lead">What people looked for and the shop has no sure answer to, the most frequent first.</p>
      ${error && html`<${Failure} app=${app} problem=${error} />`}
      ${data && !error && !searches.length &&
      html`<${Notice} title="No search is kept" remedies=${[{ command: "RECOMMENDER_KEEP_SEARCHES=weak" }]}
        text="Nobody searched in vain, or searches are not kept. To have texts, counts and dates kept, set:" />`}
      ${!error && searches.length > 0 &&
      html`<ul class="rules">${searches.map((one) => html`<${Row} key=${one.text} app=${app} search=${one} />`)}</ul>`}
    </div>`;
}

function Row({ app, search }) {
  const [open, setOpen] = useState("");
  const last = new Date(search.last_at).toLocaleDateString();
  const button = (kind, label) => html`
    <button type="button" class="button" aria-expanded=${String(open === kind)}
      aria-label=${`${label} for ${search.text}`}
      onClick=${() => setOpen(open === kind ? "" : kind)}>${label}</button>`;
  const close = () => setOpen("");
  return html`
    <li class="rule synonym">
      <div class="rule-text">
        <${Go} class="rule-title own" href=${`?q=${encodeURIComponent(search.text)}`}>${search.text}<//>
        <p class="muted">
          ${plural(search.searches, "time")}, last on ${last} ·${" "}
          ${search.confidence === "none" ? "nothing that fits" : "a weak answer"}
        </p>
      </div>
      <div class="rule-actions">${button("synonym", "Synonym")} ${button("pin", "Pin")}</div>
      ${open === "synonym" && html`<${SynonymForm} app=${app} words=${search.text} done=${close} />`}
      ${open === "pin" && html`<${PinForm} app=${app} query=${search.text} done=${close} />`}
    </li>`;
}

/** Finds a product by other words, and pins it to the top of a search. */
function PinForm({ app, query, done }) {
  const [words, setWords] = useState("");
  const [hits, setHits] = useState(/** @type {import("./types").Hit[]} */ ([]));
  useEffect(() => {
    if (!words.trim()) return setHits([]);
    const controller = new AbortController();
    const { signal } = controller;
    const ask = () =>
      get(`v1/search?${new URLSearchParams({ q: words.trim(), k: String(FOUND), prefix: "true" })}`, { signal }).then(
        (answer) => setHits(answer.hits),
        (error) => signal.aborted || app.failed(error),
      );
    const timer = setTimeout(ask, THROTTLE_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [words]);
  const pin = (hit) =>
    change(app, `Pinned for “${query}”`, async () => {
      const rule = { action: "pin", sku: hit.sku, query, position: 1, note: "from the Explorer" };
      const made = await post("v1/rules", rule);
      done();
      return made.id;
    });
  return html`
    <div class="rule-form pin-form">
      <label class="field"><span>Which product answers it?</span>
        <input type="search" dir="auto" autocomplete="off" placeholder="Other words, or its number" value=${words}
          onInput=${(event) => setWords(event.target.value)} /></label>
      <ul class="found">
        ${hits.map((hit) => html`
          <li key=${hit.sku}><${Picture} product=${hit} />
            <span class="compare-text" dir="auto">${hit.title}<span
              class="muted"> · ${[hit.sku, price(hit.price, hit.currency)].filter(Boolean).join(" · ")}</span></span>
            <button type="button" class="button" aria-label=${`Pin ${hit.title}`}
              onClick=${() => pin(hit)}>Pin</button></li>`)}
      </ul>
    </div>`;
}
