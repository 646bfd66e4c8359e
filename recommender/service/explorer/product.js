// One product: its fields, and the products like it.

import { get } from "./api.js";
import { counted, Grid, Stock } from "./cards.js";
import { Chips, OptionChips } from "./filters.js";
import { attributeFilter, leaf, path, plural, price, prose } from "./format.js";
import { Failure, Notice } from "./notices.js";
import { anyPicture, ExplainToggle, Go, Icon, ModeSwitch, Picture, Pressed, webAddress } from "./parts.js";
import { usePages } from "./search.js";
import { address, noFilters, OPTIONS, pick, request, without } from "./state.js";
import { html, useLayoutEffect } from "./vendor/preact.js";

export const productPath = (sku) => `v1/products/${encodeURIComponent(sku)}`;

export function ProductView({ app, state }) {
  const own = (signal) => get(productPath(state.sku), { signal });
  const { data, error, fresh, more, grid } = usePages(app, state, request(state), own);
  const product = data?.rest;
  const mine = product?.sku === state.sku;
  useLayoutEffect(() => {
    app.arrived(fresh);
    if (fresh && mine && !error) app.announce(plural(data.hits.length, "similar product"));
  }, [fresh, data]);
  app.title(mine ? product.title : "Product");
  if (!product || (error && !mine))
    return html`<div class="page">${error && html`<h1 class="unseen" tabindex="-1">Product</h1>
    <${Failure} app=${app} problem=${error} />`}</div>`;
  return html`
    <div class="page">
      <${Facts} key=${product.sku} product=${product} />
      <section class="results" aria-labelledby="similar-title" ref=${grid}>
        <div class="results-head">
          <div class="results-title">
            <h2 id="similar-title">Similar products</h2>
            <p class="muted count-line">${mine && !error ? counted(data.hits.length, null) : "\u00a0"}</p>
          </div>
          <div class="toolbar">
            <${ModeSwitch} app=${app} state=${state} name="similar-mode" />
            <${ExplainToggle} app=${app} state=${state} id="similar-explain" />
            ${app.models.length > 1 &&
            html`<${Go} class="button"
              href=${address({ ...pick(state, OPTIONS), sku: state.sku, view: "compare" })}>Compare models<//>`}
          </div>
        </div>
        <${Narrowing} app=${app} state=${state} product=${product} />
        ${error && html`<${Failure} app=${app} problem=${error} />`}
        ${!error && !data.hits.length &&
        html`<${Notice} title="Nothing like it passes the filters"
          text="“Fill up when few” reaches into wider categories, and then for what is popular."
          remedies=${[{ label: "Fill up", act: () => app.go({ widen: true }, { replace: true }) }]} />`}
        <${Grid} app=${app} state=${state} hits=${error ? [] : data.hits} more=${more}
          scope=${product.category.length ? { category: product.category } : null} />
      </section>
    </div>`;
}

/** Ways of asking that a shop uses on a product page, each one click away. */
function Narrowing({ app, state, product }) {
  const category = path(product.category);
  const inside = state.category.includes(category);
  const apart = state.exclude_brand.includes(product.brand);
  const set = (changes) => app.go(changes, { replace: true });
  const rest = {
    ...state,
    in_stock: false,
    category: without(state.category, category),
    exclude_brand: without(state.exclude_brand, product.brand),
  };
  return html`
    <div class="chips quick">
      ${category &&
      html`<${Pressed} label=${`Only ${leaf(product.category)}`} on=${inside}
        act=${() => set({ category: inside ? noFilters().category : [category] })} />`}
      ${product.brand && html`<${Pressed} label="Other brands" on=${apart}
        act=${() => set({ exclude_brand: apart ? [] : [product.brand] })} />`}
      <${Pressed} label="In stock" on=${state.in_stock} act=${() => set({ in_stock: !state.in_stock })} />
      <${Pressed} label="Fill up when few" on=${state.widen} act=${() => set({ widen: !state.widen })} />
    </div>
    <div class="chips"><${Chips} app=${app} state=${rest} clear=${false} />
    <${OptionChips} app=${app} state=${state} /></div>`;
}

function Facts({ product }) {
  const shop = webAddress(product.url);
  const { brand, category, attributes, gtin, mpn, group_id: group } = product;
  const numbers = [["GTIN", gtin], ["MPN", mpn], ["group", group]].filter(([, value]) => value);
  const row = (name, value) => html`<dt dir="auto">${name}</dt><dd dir="auto">${value}</dd>`;
  const link = (name, value) =>
    html`<${Go} href=${address({ attribute: [attributeFilter(name, [value])] })}
      title="Products with this attribute">${value}<//>`;
  return html`
    <article class=${anyPicture([product]) ? "product" : "product bare"}>
      <${Picture} product=${product} />
      <div class="product-body">
        <nav class="crumbs" aria-label="Category">
          ${category.map((name, at) => html`<${Go} dir="ltr"
            href=${address({ category: [path(category.slice(0, at + 1))] })}><bdi>${name}</bdi><//>`)}
        </nav>
        <h1 tabindex="-1" dir="auto">${product.title}</h1>
        <p class="product-line">
          ${brand && html`<${Go} href=${address({ brand: [brand] })}>${brand}<//>`}<span
            class="muted sku">${product.sku}</span>
        </p>
        <p class="product-price"><strong>${price(product.price, product.currency)}</strong>
        <${Stock} value=${product.availability} /></p>
        ${product.description && html`<p class="description" dir="auto">${prose(product.description)}</p>`}
        <dl class="attributes">
          ${Object.entries(attributes ?? {}).map(([name, value]) => row(name, link(name, String(value))))}
          ${numbers.map(([name, value]) => row(name, value))}
        </dl>
        ${shop &&
        html`<p><a class="button" href=${shop} target="_blank" rel="noopener noreferrer">In the shop<${Icon} name="out"
          size="15" /></a></p>`}
      </div>
    </article>`;
}
