// A product as a card: picture, what it is, why it is here, and what can be done with it.

import { availability, leaf, number, path, plural, price } from "./format.js";
import { anyPicture, Go, MenuButton, Picture } from "./parts.js";
import { ruleActions } from "./rules.js";
import { MAX_SHOWN, productAddress } from "./state.js";
import { html } from "./vendor/preact.js";

/** The cards of an answer with a button for more. `actions(hit)` gives entries of a card's menu before its rules. */
export function Grid({ app, state, hits, scope, more, plain = false, level = "h3", actions = (_hit) => [] }) {
  const kinds = ["grid", !anyPicture(hits) && "bare", hits.some((hit) => hit.explanation) && "explained"];
  return html`
    <ul class=${kinds.filter(Boolean).join(" ")} onKeyDown=${walk}>
      ${hits.map(
        (hit, at) => html`
          <${Card} key=${hit.sku} hit=${hit} state=${state} rank=${at + 1} level=${level}
            plain=${plain && hit.reason !== "pinned"}
            items=${() => [...actions(hit), ...ruleActions(app, hit, at + 1, scope)]} />`,
      )}
    </ul>
    ${hits.length >= state.shown && hits.length < MAX_SHOWN &&
    html`<button type="button" class="button more" onClick=${more}>Show more</button>`}`;
}

/** Cards that are not there yet. */
export const Ghosts = () => html`
  <ul class="grid" aria-hidden="true">
    ${Array.from({ length: 8 }, () => html`<li class="card ghost"><div class="picture"></div>
    <div class="card-body"></div></li>`)}
  </ul>`;

/** Arrow keys go from card to card, up and down by rows; above the first row is the search box. */
function walk(event) {
  if (!event.target.matches(".card-link") || event.altKey || event.ctrlKey || event.metaKey) return;
  const links = [...event.currentTarget.querySelectorAll(".card-link")];
  const tops = links.map((link) => link.closest(".card").offsetTop);
  const columns = tops.filter((top) => top === tops[0]).length;
  const at = links.indexOf(event.target);
  const across = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: links.length - 1 };
  const steps = { ...across, ArrowDown: at + columns, ArrowUp: at - columns };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const to = steps[event.key];
  if (to < 0) return event.key === "ArrowUp" && document.getElementById("search")?.focus();
  (links[to] ?? event.currentTarget.parentElement.querySelector(".more") ?? links.at(-1)).focus();
}

function Card({ hit, state, rank, level, plain, items }) {
  return html`
    <li class="card" data-sku=${hit.sku}>
      <${Picture} product=${hit} />
      <div class="card-body">
        ${!plain && html`<${Badge} hit=${hit} />`}
        <${level} class="card-title" dir="auto">
          <${Go} class="card-link" dir=${null} href=${productAddress(state, hit.sku)}
            title=${hit.title}>${hit.title}<//>
        <//>
        <p class="card-meta" dir="auto" title=${path(hit.category)}>
          ${[hit.brand, leaf(hit.category)].filter(Boolean).join(" · ") || hit.sku}
        </p>
        <p class="card-foot"><strong>${price(hit.price, hit.currency)}</strong>
        <${Stock} value=${hit.availability} /></p>
      </div>
      ${hit.explanation && html`<${Explanation} hit=${hit} rank=${rank} />`}
      <${MenuButton} label=${`Actions for ${hit.title}`} items=${items} />
    </li>`;
}

export const Stock = ({ value }) => html`<span class=${`stock ${value}`}>${availability(value)}</span>`;

/** Says what brought a hit that relevance alone did not bring. */
export function Badge({ hit }) {
  const words = {
    identifier: ["Its number", "What was searched for is a number of this product"],
    pinned: ["Pinned", "A rule of the shop puts it here"],
    widened: [
      hit.widened_to?.length ? `From ${leaf(hit.widened_to)}` : "From the whole shop",
      `The filters left too few; widened to ${path(hit.widened_to ?? []) || "all categories"}`,
    ],
    popular: ["Popular", "The filters left too few; filled up with what sells"],
    newest: ["New", "The filters left too few; filled up with what is new"],
  }[hit.reason];
  return words && html`<span class=${`badge ${hit.reason}`} title=${words[1]} dir="auto">${words[0]}</span>`;
}

/** Why a hit is there, in short lines. */
export function Explanation({ hit, rank }) {
  const why = hit.explanation;
  const shared = hit.category.slice(0, why.shared_depth).join(" › ");
  const fact = (name, value) => value !== null && html`<dt>${name}</dt><dd dir="auto">${value}</dd>`;
  return html`
    <dl class="why" aria-label="Why it is here">
      ${fact("Place", `${rank}, score ${hit.score.toFixed(3)}`)} ${fact("Meaning", meter(why.dense_score))}
      ${fact("Its words", meter(why.lexical_score))}
      ${why.from_words !== null && why.from_meaning !== null &&
      fact("Score", `${why.from_words.toFixed(3)} from words, ${why.from_meaning.toFixed(3)} from meaning`)}
      ${why.words.length > 0 &&
      fact("Words", why.words.slice(0, 8).map((word) => html`<mark dir="auto">${word}</mark>`))}
      ${why.shared_depth !== null && fact("Category", why.shared_depth ? `shares ${shared}` : "another department")}
      ${why.same_brand !== null && fact("Brand", why.same_brand ? "the same" : "another")}
      ${why.price_ratio !== null && fact("Price", `${why.price_ratio.toFixed(2)} ×`)}
    </dl>`;
}

const meter = (share) =>
  share === null
    ? null
    : html`<span class="meter" style=${{ "--share": Math.max(0, Math.min(1, share)) }}
      aria-hidden="true"></span> ${share.toFixed(3)}`;

/** "24 of 3,000 products", as far as the service counts them. */
export const counted = (shown, total) =>
  (total ?? 0) > shown ? `${number(shown)} of ${plural(total, "product")}` : plural(shown, "product");
