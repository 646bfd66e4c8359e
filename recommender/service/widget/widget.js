// Similar products and a search box for the pages of a shop, as two custom elements:
//   <script type="module" src="https://SERVICE/widget.js"></script>
//   <recommender-similar key="KEY" sku="SKU" href="/p/{sku}"></recommender-similar>
//   <recommender-search key="KEY" action="/search?q={query}" href="/p/{sku}"></recommender-search>
// KEY may read and is for this page's origin alone. Without `href` a product leads to its own address, if it has one.
// `currency="EUR"` is that of prices whose products name none.
// Words in the language of the shop: `heading`, `label`, `nothing` (no product was found), `away` (no answer).
// Colours and sizes: --recommender-accent, --recommender-text, --recommender-background, --recommender-border,
// --recommender-radius, --recommender-gap, --recommender-card (the least width of a card).
const SERVICE = new URL(".", import.meta.url);
const PAUSE_MS = 80;

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
:host { display: block; color: var(--recommender-text, inherit); font: inherit; overflow-wrap: anywhere; }
:host([hidden]) { display: none; }
h2 { font-size: 1.25em; margin: 0 0 .6em; }
ul { list-style: none; margin: 0; padding: 0; }
.cards { display: grid; gap: var(--recommender-gap, 1rem);
  grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--recommender-card, 10rem)), 1fr)); }
.cards a { display: flex; flex-direction: column; gap: .35em; height: 100%; box-sizing: border-box; padding: .75em;
  color: inherit; text-decoration: none; border: 1px solid var(--recommender-border, #8886);
  border-radius: var(--recommender-radius, .5rem); background: var(--recommender-background, transparent); }
.cards a[href]:hover .title, .cards a:focus-visible .title { text-decoration: underline; }
a:focus-visible, input:focus-visible { outline: 3px solid var(--recommender-accent, #1558d6); outline-offset: 2px; }
img { width: 100%; aspect-ratio: 1; object-fit: contain; background: #fff; border-radius: inherit; }
.price { font-weight: 600; margin-top: auto; }
.search { position: relative; }
label { display: block; margin-bottom: .3em; }
input { width: 100%; box-sizing: border-box; padding: .6em .8em; font: inherit; color: inherit;
  background: var(--recommender-background, Canvas); border: 1px solid var(--recommender-border, #767676);
  border-radius: var(--recommender-radius, .5rem); }
[role=listbox] { position: absolute; z-index: 10; inset-inline: 0; top: 100%; margin-top: 2px; overflow: hidden;
  background: var(--recommender-background, Canvas); border: 1px solid var(--recommender-border, #767676);
  border-radius: var(--recommender-radius, .5rem); }
[role=option] { display: flex; justify-content: space-between; gap: 1em; padding: .5em .8em; cursor: pointer; }
[role=option] small { color: var(--recommender-text, inherit); }
[aria-selected=true] { background: var(--recommender-accent, #1558d6); color: #fff; }
[aria-selected=true] small { color: inherit; }
.results { margin-top: 1em; }
.status { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
`);

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

const filled = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ""));

// The language of the page; the browser's own where it has none, or one that is no tag. Themes write `en_US` too.
const language = () => {
  try {
    return Intl.getCanonicalLocales(document.documentElement.lang.replaceAll("_", "-") || []);
  } catch {
    return [];
  }
};

// An address of the web. One that leaves the scheme to the page, `//cdn.shop.example/1.jpg`, is asked for by https.
const webAddress = (text) => {
  const address = text?.replace(/^\/\//, "https://");
  return /^https?:/i.test(address) ? address : null;
};

const formatPrice = (amount, currency) => {
  const known = /^[A-Z]{3}$/i.test(currency);
  const form = known ? { style: "currency", currency } : { minimumFractionDigits: 2 };
  if (amount > 0 && amount < 0.01) form.maximumFractionDigits = 6; // what is sold by the thousand does not cost 0.00
  return new Intl.NumberFormat(language(), form).format(amount);
};

class Widget extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
  }

  // Null when the service has no answer, and the page goes on without; undefined when a newer request took its place.
  async ask(path, parameters) {
    this.asked?.abort();
    const { signal } = (this.asked = new AbortController());
    const headers = this.getAttribute("key") ? { "X-API-Key": this.getAttribute("key") } : {};
    try {
      const address = new URL(path, SERVICE);
      address.search = new URLSearchParams(parameters);
      const answer = await fetch(address, { headers, signal, referrerPolicy: "no-referrer" });
      return answer.ok ? await answer.json() : null;
    } catch {
      return signal.aborted ? undefined : null;
    }
  }

  card(hit) {
    const template = this.getAttribute("href");
    const address = template ? filled(template, { sku: hit.sku }) : webAddress(hit.url);
    const link = make("a", { ...(address && { href: address }), dir: "auto" });
    const image = webAddress(hit.image);
    if (image) link.append(make("img", { src: image, alt: "", loading: "lazy", onerror() { this.remove(); } }));
    link.append(make("span", { className: "title", textContent: hit.title }));
    if (hit.price != null) {
      const price = formatPrice(hit.price, hit.currency || this.getAttribute("currency"));
      link.append(make("span", { className: "price", textContent: price }));
    }
    return make("li", {}, link);
  }
}

customElements.define("recommender-similar", class extends Widget {
  static observedAttributes = ["sku", "key", "limit", "heading"];

  connectedCallback() {
    if (!this.shadowRoot.firstChild) this.hidden = true; // until there is something to show; it may have been moved
  }

  attributeChangedCallback() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(), 0);
  }

  async show() {
    const sku = this.getAttribute("sku");
    if (!sku) this.asked?.abort();
    const answer = sku ? await this.ask("v1/similar", { sku, k: this.getAttribute("limit") ?? 6 }) : null;
    if (answer === undefined) return;
    this.hidden = !answer?.hits.length;
    if (this.hidden) return;
    const heading = make("h2", { id: "heading", textContent: this.getAttribute("heading") ?? "Similar products" });
    const list = make("ul", { className: "cards" }, ...answer.hits.map((hit) => this.card(hit)));
    list.setAttribute("aria-labelledby", "heading");
    this.shadowRoot.replaceChildren(heading, list);
  }
});

customElements.define("recommender-search", class extends Widget {
  connectedCallback() {
    if (this.input) return;
    const text = this.getAttribute("label") ?? "Search the shop";
    this.input = make("input", { id: "box", type: "text", autocomplete: "off", spellcheck: false, enterKeyHint: "search" });
    this.list = make("ul", { id: "list", hidden: true });
    this.results = make("div", { className: "results" });
    this.status = make("div", { className: "status" });
    this.status.setAttribute("role", "status");
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", text);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": "list" }))
      this.input.setAttribute(name, value);
    const box = make("div", { className: "search" }, make("label", { htmlFor: "box", textContent: text }), this.input, this.list);
    this.shadowRoot.append(box, this.status, this.results);
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", (event) => this.pressed(event));
    this.input.addEventListener("blur", () => this.suggest([]));
    this.suggest([]);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      const text = this.input.value.trim();
      const answer = text ? await this.ask("v1/suggestions", { text, limit: 8 }) : null;
      const awaited = this.shadowRoot.activeElement === this.input && text === this.input.value.trim();
      if (awaited) this.suggest(answer?.suggestions ?? []);
    }, PAUSE_MS);
  }

  suggest(suggestions) {
    this.list.replaceChildren(...suggestions.map((each, at) => {
      const option = make("li", { id: `option-${at}`, dir: "auto" }, make("span", { textContent: each.text }),
        make("small", { textContent: each.count }));
      option.setAttribute("role", "option");
      option.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
      option.addEventListener("click", () => this.search(each.text)); // not before: a touch may begin to scroll
      return option;
    }));
    this.list.hidden = !suggestions.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.status.textContent = suggestions.length ? `${suggestions.length} suggestions` : "";
    this.choose(-1);
  }

  choose(at) {
    this.chosen = at;
    for (const [number, option] of [...this.list.children].entries())
      option.setAttribute("aria-selected", String(number === at));
    if (at < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", `option-${at}`);
  }

  pressed(event) {
    if (event.isComposing || event.keyCode === 229) return; // 229: Safari says so alone where Enter ends the composition
    const options = [...this.list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      const places = options.length + 1; // one of them is the box itself
      this.choose(((this.chosen + 1 + step + places) % places) - 1);
    } else if (event.key === "Escape" && options.length) {
      event.preventDefault(); // a dialog around it stays open
      event.stopPropagation();
      this.suggest([]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.search(options[this.chosen]?.firstChild.textContent ?? this.input.value.trim());
    }
  }

  async search(query) {
    if (!query) return;
    clearTimeout(this.timer);
    this.input.value = query;
    this.suggest([]);
    const action = this.getAttribute("action");
    if (action) {
      location.assign(filled(action, { query }));
      return;
    }
    const answer = await this.ask("v1/search", { q: query, k: this.getAttribute("limit") ?? 12 });
    if (answer === undefined) return;
    const reason = answer ? (this.getAttribute("nothing") ?? "Nothing was found.")
      : (this.getAttribute("away") ?? "The search is not available. Please try again later.");
    const none = make("p", { textContent: reason });
    const list = make("ul", { className: "cards" }, ...(answer?.hits ?? []).map((hit) => this.card(hit)));
    this.results.replaceChildren(answer?.hits.length ? list : none);
    this.status.textContent = answer?.hits.length ? `${answer.hits.length} products` : none.textContent;
  }
});
