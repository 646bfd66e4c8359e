// The same question to two models, side by side.

import { get, useLoaded } from "./api.js";
import { Badge, Explanation } from "./cards.js";
import { departments } from "./colours.js";
import { leaf, plural, price } from "./format.js";
import { Failure, Notice } from "./notices.js";
import { Choice, ExplainToggle, Go, ModeSwitch, Picture } from "./parts.js";
import { productPath } from "./product.js";
import { productAddress, request } from "./state.js";
import { html, useLayoutEffect } from "./vendor/preact.js";

const COMPARED = 20;

export function CompareView({ app, state }) {
  const { models } = app;
  const first = state.model || models[0] || "";
  const second = state.against || models.find((name) => name !== first) || "";
  const asks = models.length > 1 && (state.q.trim() || state.sku);
  const paths = [first, second].map((model) => `${request({ ...state, model, sort: "relevance" })}&k=${COMPARED}`);
  const { data, error, fresh } = useLoaded(app, asks ? paths.join(" ") : "", async (signal) => {
    const [left, right, product] = await Promise.all([
      ...paths.map((path) => get(path, { signal })),
      state.sku ? get(productPath(state.sku), { signal }) : null,
      departments(app),
    ]);
    return { left, right, product };
  });
  const shown = asks && !error && data;
  const words = shown ? summary(data) : "";
  useLayoutEffect(() => app.arrived(!asks || fresh), [fresh, asks]);
  useLayoutEffect(() => (words ? app.announce(words) : undefined), [words]);
  app.title("Compare models");
  const all = models.map((name, at) => [name, at ? name : `${name} (live)`]);
  return html`
    <div class="page">
      <div class="results-head">
        <div class="results-title">
          <h1 tabindex="-1">Compare models</h1>
          <p class="lead" dir="auto">
            ${shown && (data.product
              ? html`Similar to <${Go} href=${productAddress(state, data.product.sku)}>${data.product.title}<//>`
              : `Search: “${state.q.trim()}”`)}
          </p>
        </div>
        ${models.length > 1 && html`<div class="toolbar">
          <${ModeSwitch} app=${app} state=${state} name="compare-mode" />
          <${ExplainToggle} app=${app} state=${state} id="compare-explain" />
        </div>`}
      </div>
      ${models.length > 1 && html`<div class="compare-models">
        <${Choice} id="left-model" label="Left" options=${all} value=${first}
          change=${(model) => app.go({ model }, { replace: true })} />
        <${Choice} id="right-model" label="Right" options=${all} value=${second}
          change=${(against) => app.go({ against }, { replace: true })} />
        <p class="compare-summary">${words}</p>
      </div>`}
      ${app.status && models.length < 2 && html`<${Lonely} models=${models} />`}
      ${models.length > 1 && !asks &&
      html`<${Notice} title="What shall both be asked?"
        text="Type a search above, or open a product and choose “Compare models” there." />`}
      ${asks && error && html`<${Failure} app=${app} problem=${error} />`}
      ${shown && html`<${Columns} state=${state} left=${data.left} right=${data.right} />`}
    </div>`;
}

const Lonely = ({ models }) => html`
  <${Notice} title=${models.length ? "There is one model" : "There is no model yet"}
    remedies=${[{ command: models.length ? "recommender finetune" : "recommender ingest FEED" }]}
    text=${models.length
      ? `Only ${models[0]} can be asked. Train another: the generation before is kept, and both can be compared.`
      : "Take a product feed in; the base model comes with it."} />`;

/** What both have, and how many leaf categories each draws from: a sign of focus, without calling either better. */
function summary({ left, right }) {
  const other = new Set(right.hits.map((hit) => hit.sku));
  const common = left.hits.filter((hit) => other.has(hit.sku)).length;
  const [one, two] = [left, right].map(({ hits }) => new Set(hits.map((hit) => hit.category.join(">"))).size);
  const leaves = plural(two, "category", "categories");
  const alone = `${left.hits.length - common} only left, ${right.hits.length - common} only right`;
  return `${common} in both, ${alone}; ${one === two ? `${leaves} each` : `${one} against ${leaves}`}`;
}

function Columns({ state, left, right }) {
  const places = (hits) => new Map(hits.map((hit, at) => [hit.sku, at + 1]));
  const [before, after] = [places(left.hits), places(right.hits)];
  const column = (answer, other, moves) => html`
    <section class="compare-column" aria-label=${answer.model}>
      <h2 class="column-title"><span class="ellipsis">${answer.model}</span>
      <span class="muted">${answer.generation}</span></h2>
      ${answer.hits.length
        ? html`<ol class="compare-list">
            ${answer.hits.map((hit, at) => {
              const was = moves ? before.get(hit.sku) : undefined;
              return html`<${Row} key=${hit.sku} state=${state} model=${answer.model} hit=${hit} rank=${at + 1}
                shared=${other.has(hit.sku)} move=${was && was - at - 1} />`;
            })}
          </ol>`
        : html`<p class="muted">Nothing found</p>`}
    </section>`;
  return html`<div class="compare">${column(left, after, false)}${column(right, before, true)}</div>`;
}

function Row({ state, model, hit, rank, shared, move }) {
  const under = [leaf(hit.category), price(hit.price, hit.currency)].filter(Boolean).join(" · ");
  return html`
    <li class=${shared ? "compare-row" : "compare-row only"} data-sku=${hit.sku}>
      <span class="rank">${rank}</span><${Picture} product=${hit} />
      <div class="compare-text">
        <${Go} class="card-link" href=${productAddress({ ...state, model }, hit.sku)}
          title=${hit.title}>${hit.title}<//>
        <p class="muted" dir="auto">${under}</p>
        <${Badge} hit=${hit} />
      </div>
      ${shared ? html`<${Move} by=${move} />` : html`<span class="move only">only here</span>`}
      ${hit.explanation && html`<${Explanation} hit=${hit} rank=${rank} />`}
    </li>`;
}

/** How many places a hit moved from the left to the right: up if above 0. */
function Move({ by }) {
  if (by === undefined) return null;
  const places = plural(Math.abs(by), "place");
  const [kind, sign, words] = !by
    ? ["same", "=", "the same place as on the left"]
    : by > 0
      ? ["up", `▲ ${by}`, `${places} higher than on the left`]
      : ["down", `▼ ${-by}`, `${places} lower than on the left`];
  return html`<span class=${`move ${kind}`} title=${words}><span aria-hidden="true">${sign}</span>
  <span class="unseen">${words}</span></span>`;
}
