// The catalogue in the plane: near are products that the model finds alike.

import { getWhenReady, Latest } from "./api.js";
import { productAddress } from "./cards.js";
import { departmentColour, knowDepartments, onDark } from "./colours.js";
import { modelChoice } from "./controls.js";
import { h, icon, ICONS, swap } from "./dom.js";
import { number, plural } from "./format.js";
import { MapCanvas } from "./map_canvas.js";
import { failure, notice } from "./notices.js";
import { departments } from "./search.js";

const LISTED = 60;

export class MapView {
  #latest = new Latest();
  #map = null;
  #shown = "";
  #alone = new Set();
  #timer = 0;
  title = "Map";

  constructor(app) {
    this.app = app;
    this.canvas = h("canvas", {
      class: "map-canvas",
      tabindex: "0",
      role: "application",
      "aria-label":
        "Map of the products. Arrow keys move, plus and minus zoom, 0 shows all, Enter opens the product in the middle.",
      "aria-describedby": "map-help",
    });
    this.tip = h("div", { class: "map-tip", hidden: true });
    this.legend = h("ul", { class: "legend" });
    this.about = h("p", { class: "muted count-line" }, "\u00a0");
    this.model = modelChoice("map-model", "Model", (name) => app.go({ model: name }));
    this.listed = h("div", { class: "map-list" });
    this.list = h("details", { class: "map-listing" }, h("summary", {}, "Products in view, as a list"), this.listed);
    this.list.addEventListener("toggle", () => this.#fillList());
    this.over = h("div", { class: "map-over" });
    this.root = h(
      "div",
      { class: "page map-page" },
      h(
        "div",
        { class: "results-head" },
        h("div", { class: "results-title" }, h("h1", { tabindex: "-1" }, "Map"), this.about),
        h("div", { class: "toolbar" }, this.model.root),
      ),
      h(
        "div",
        { class: "map-frame" },
        h("div", { class: "map-stage" }, this.canvas, this.tip, this.over, this.#buttons()),
        h(
          "aside",
          { class: "map-side", "aria-label": "Departments" },
          this.legend,
          h(
            "p",
            { class: "muted", id: "map-help" },
            "Drag to move, scroll to zoom, click a product to open it. With the keyboard: arrows, + and −, 0, Enter.",
          ),
        ),
      ),
      this.list,
    );
    this.drawn = new MapCanvas(this.canvas, {
      marked: (point, place) => this.#tip(point, place),
      chosen: (point) => this.app.go({ view: "", sku: point[3], q: "" }),
      moved: () => this.#later(),
    });
    this.themed = () => this.#map && this.drawn.colour(this.#colours());
    document.addEventListener("themechange", this.themed);
  }

  #buttons() {
    const button = (label, path, act) =>
      h(
        "button",
        { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: act } },
        icon(path, 18),
      );
    return h(
      "div",
      { class: "map-buttons" },
      button("Zoom in", ICONS.plus, () => this.drawn.zoomBy(1.6)),
      button("Zoom out", ICONS.minus, () => this.drawn.zoomBy(1 / 1.6)),
      button("Show all", ICONS.home, () => this.drawn.reset()),
    );
  }

  async update(state) {
    const models = (await this.app.knownStatus())?.models ?? [];
    this.model.set(models, state.model);
    this.app.busy(true);
    if (!this.#map) swap(this.over, h("p", { class: "map-wait" }, "Asking for the map …"));
    const outcome = await this.#latest.run(async (signal) => {
      const waiting = () =>
        swap(
          this.over,
          h(
            "p",
            { class: "map-wait", role: "status" },
            "Drawing the map. It takes some seconds, once for each generation …",
          ),
        );
      const query = new URLSearchParams(state.model ? { model: state.model } : {});
      const [map] = await Promise.all([getWhenReady("v1/map", query, { signal, waiting }), departments(this.app)]);
      return map;
    });
    if (!outcome) return;
    this.app.busy(false);
    if (outcome.error) {
      this.app.failed(outcome.error);
      return swap(
        this.over,
        failure(outcome.error, () => this.app.refresh()),
      );
    }
    this.#show(outcome.result);
  }

  #show(map) {
    if (!map.points.length)
      return swap(
        this.over,
        notice("Nothing to draw yet", "The index is empty.", [{ command: "recommender ingest FEED" }]),
      );
    swap(this.over, null);
    const known = new Set(this.app.departments ?? []);
    if (!map.departments.every((name) => known.has(name) || name === "Other")) knowDepartments(map.departments);
    this.app.answered();
    const drawn = `${map.model} ${map.generation}`;
    if (drawn !== this.#shown) {
      this.#map = map;
      this.#alone.clear();
      this.drawn.show(map.points, this.#colours(), map.departments);
      this.#legend();
    }
    this.#shown = drawn;
    const sample =
      map.points.length < map.products
        ? `a sample of ${number(map.points.length)} of ${plural(map.products, "product")}`
        : plural(map.points.length, "product");
    this.about.textContent = `${sample}, laid out by ${map.model}; near is alike`;
    this.app.announce(`The map shows ${sample} in ${plural(map.departments.length, "department")}`);
  }

  #colours() {
    const dark = document.documentElement.dataset.theme === "dark";
    return this.#map.departments.map((name) => (dark ? onDark(departmentColour(name)) : departmentColour(name)));
  }

  #legend() {
    const counts = this.#map.departments.map((_, at) => this.#map.points.filter((point) => point[2] === at).length);
    swap(
      this.legend,
      this.#map.departments.map((name, at) =>
        h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              class: "facet",
              "aria-pressed": String(this.#alone.has(at)),
              data: { key: `department ${at}` },
              on: { click: () => this.#toggle(at) },
            },
            h("span", { class: "swatch", vars: { "--tint": departmentColour(name) }, "aria-hidden": "true" }),
            h("span", { class: "facet-name", dir: "auto" }, name),
            h("span", { class: "count" }, number(counts[at])),
          ),
        ),
      ),
    );
  }

  /** Show the chosen departments alone; none chosen shows all. */
  #toggle(at) {
    if (!this.#alone.delete(at)) this.#alone.add(at);
    const others = this.#map.departments
      .map((_, other) => other)
      .filter((other) => this.#alone.size && !this.#alone.has(other));
    this.drawn.mute(new Set(others));
    this.#legend();
    this.#later();
  }

  #tip(point, place) {
    this.tip.hidden = !point;
    if (!point) return;
    const name = this.#map.departments[point[2]];
    swap(
      this.tip,
      h("strong", { dir: "auto" }, point[4]),
      h("span", { class: "muted", dir: "auto" }, `${name} · ${point[3]}`),
    );
    const stage = this.canvas.getBoundingClientRect();
    const left = Math.max(8, Math.min(place[0] + 14, stage.width - this.tip.offsetWidth - 8));
    const top =
      place[1] + 14 + this.tip.offsetHeight < stage.height ? place[1] + 14 : place[1] - 14 - this.tip.offsetHeight;
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${Math.max(8, top)}px`;
    if (document.activeElement === this.canvas) this.app.announce(`${point[4]}, ${name}`);
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fillList(), 200);
  }

  #fillList() {
    if (!this.list.open || !this.#map) return;
    const points = this.drawn.inView();
    const groups = this.#map.departments
      .map((name, at) => [name, points.filter((point) => point[2] === at)])
      .filter(([, own]) => own.length);
    swap(
      this.listed,
      groups.map(([name, own]) => [
        h("h3", { dir: "auto" }, `${name} (${number(own.length)})`),
        h(
          "ul",
          {},
          own
            .slice(0, LISTED)
            .map((point) =>
              h(
                "li",
                {},
                h("a", { href: productAddress(this.app.state, point[3]), data: { go: "" }, dir: "auto" }, point[4]),
              ),
            ),
        ),
        own.length > LISTED &&
          h("p", { class: "muted" }, `and ${number(own.length - LISTED)} more; zoom in to see them`),
      ]),
    );
  }

  leave() {
    this.#latest.stop();
    clearTimeout(this.#timer);
    this.drawn.close();
    document.removeEventListener("themechange", this.themed);
    this.app.busy(false);
  }
}
