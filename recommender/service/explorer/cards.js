// A product as a card: picture, what it is, why it is here, and what can be done with it.

import { departmentColour } from "./colours.js";
import { h, icon, ICONS, pictureAddress } from "./dom.js";
import { availability, initials, leaf, path, price } from "./format.js";
import { toggleMenu } from "./menu.js";
import { address, OPTIONS, pick } from "./state.js";

/** The address of a product's page, answered the same way as what is shown now. */
export const productAddress = (state, sku) => address({ ...pick(state, OPTIONS), sku });

/** A picture, or in its place a tile in the department's colour with the title's initials. */
export function picture(product) {
  const [one, other] = spots(product.sku);
  const box = h(
    "div",
    {
      class: "picture",
      "aria-hidden": "true",
      vars: { "--tint": departmentColour(product.category[0]), "--one": one, "--other": other },
    },
    h("span", { class: "initials" }, initials(product.title)),
  );
  const source = pictureAddress(product.image);
  if (source) box.append(image(source));
  return box;
}

/** Two places on the tile that depend on the SKU alone, so that a product always looks the same. */
function spots(sku) {
  let hash = 2166136261;
  for (const letter of sku) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619);
  const part = (shift, span) => (((hash >>> shift) % 97) / 97) * span;
  return [`${68 + part(3, 30)}% ${part(9, 40)}%`, `${part(15, 34)}% ${88 + part(21, 30)}%`];
}

/** Whether any of the products has a picture; a list without any needs less room for them. */
export const anyPicture = (products) => products.some((product) => pictureAddress(product.image));

function image(source) {
  const img = h("img", { alt: "", loading: "lazy", decoding: "async", referrerpolicy: "no-referrer" });
  img.addEventListener("load", () => img.classList.add("loaded"));
  img.addEventListener("error", () => img.remove());
  img.src = source;
  return img;
}

/** A card as a list item. `actions` are the entries of its menu; a `plain` one does not say what brought it. */
export function card(hit, state, { actions = [], rank = 0, plain = false } = {}) {
  return h(
    "li",
    { class: "card", data: { sku: hit.sku } },
    picture(hit),
    h(
      "div",
      { class: "card-body" },
      !plain && badge(hit),
      h(
        "h3",
        {},
        h(
          "a",
          {
            class: "card-link",
            href: productAddress(state, hit.sku),
            dir: "auto",
            data: { go: "", key: `card ${hit.sku}` },
          },
          hit.title,
        ),
      ),
      h(
        "p",
        { class: "card-meta", dir: "auto" },
        [hit.brand, leaf(hit.category)].filter(Boolean).join(" · ") || hit.sku,
      ),
      h("p", { class: "card-foot" }, h("strong", {}, price(hit.price, hit.currency)), stock(hit.availability)),
    ),
    hit.explanation && explanation(hit, rank),
    actions.length > 0 && menuButton(hit, actions),
  );
}

export const stock = (value) => h("span", { class: `stock ${value}` }, availability(value));

function menuButton(hit, actions) {
  return h(
    "button",
    {
      type: "button",
      class: "icon-button card-menu",
      "aria-label": `Actions for ${hit.title}`,
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      on: { click: (event) => toggleMenu(event.currentTarget, actions) },
    },
    icon(ICONS.more, 18),
  );
}

/** Say what brought a hit that relevance alone did not bring. */
export function badge(hit) {
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
  return words ? h("span", { class: `badge ${hit.reason}`, title: words[1], dir: "auto" }, words[0]) : null;
}

/** Why a hit is there, in short lines. */
export function explanation(hit, rank) {
  const why = hit.explanation;
  return h(
    "dl",
    { class: "why", "aria-label": "Why it is here" },
    rank > 0 && fact("Place", `${rank}, score ${hit.score.toFixed(3)}`),
    why.dense_score !== null && fact("Meaning", meter(why.dense_score)),
    why.lexical_score !== null && fact("Its words", meter(why.lexical_score)),
    why.from_words !== null &&
      why.from_meaning !== null &&
      fact("Score", `${why.from_words.toFixed(3)} from words, ${why.from_meaning.toFixed(3)} from meaning`),
    why.words.length > 0 &&
      fact(
        "Words",
        why.words.slice(0, 8).map((word) => h("mark", { dir: "auto" }, word)),
      ),
    why.shared_depth !== null && fact("Category", shared(hit.category, why.shared_depth)),
    why.same_brand !== null && fact("Brand", why.same_brand ? "the same" : "another"),
    why.price_ratio !== null && fact("Price", `${why.price_ratio.toFixed(2)} ×`),
  );
}

const fact = (name, value) => [h("dt", {}, name), h("dd", { dir: "auto" }, value)];

const shared = (category, depth) => (depth ? `shares ${category.slice(0, depth).join(" › ")}` : "another department");

function meter(cosine) {
  const share = Math.max(0, Math.min(1, cosine));
  return [h("span", { class: "meter", vars: { "--share": share }, "aria-hidden": "true" }), ` ${cosine.toFixed(3)}`];
}
