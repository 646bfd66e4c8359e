"use strict";
// The maps: the product under the pointer is named, and ringed in every map; a department of the legend stands alone.
(() => {
  const REACH = 14; // units of the drawing
  const SVG = "http://www.w3.org/2000/svg";
  const frame = document.querySelector(".maps");
  if (!frame) return;

  const maps = [...frame.querySelectorAll("figure")].map((figure) => {
    const svg = figure.querySelector("svg");
    const dots = [...svg.querySelectorAll("circle")].map((dot) => {
      const title = dot.querySelector("title");
      const [name, category] = title.textContent.split("\n");
      title.remove(); // else the browser's own hint would come beside ours
      return { x: dot.cx.baseVal.value, y: dot.cy.baseVal.value, r: dot.r.baseVal.value, name, category, group: dot.parentNode };
    });
    const ring = document.createElementNS(SVG, "circle");
    ring.setAttribute("class", "ring");
    ring.setAttribute("r", "7");
    ring.setAttribute("visibility", "hidden");
    svg.append(ring);
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    figure.append(tip);
    return { figure, svg, dots, ring, tip };
  });

  const hide = () => {
    for (const map of maps) {
      map.ring.setAttribute("visibility", "hidden");
      map.tip.hidden = true;
    }
  };

  const nearest = (map, event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.svg.getScreenCTM().inverse());
    let best = -1;
    let least = REACH * REACH;
    map.dots.forEach((dot, index) => {
      const away = (dot.x - at.x) ** 2 + (dot.y - at.y) ** 2;
      if (away < least) [best, least] = [index, away];
    });
    return best;
  };

  const show = (index, pointed) => {
    for (const map of maps) {
      const dot = map.dots[index];
      map.ring.setAttribute("cx", dot.x);
      map.ring.setAttribute("cy", dot.y);
      map.ring.setAttribute("visibility", "visible");
      map.tip.hidden = map !== pointed;
    }
    name(pointed, pointed.dots[index]);
  };

  const name = (map, dot) => {
    const category = document.createElement("span");
    category.textContent = dot.category;
    map.tip.replaceChildren(dot.name, category);
    place(map, dot);
  };

  const place = (map, dot) => {
    const box = map.figure.getBoundingClientRect();
    const at = new DOMPoint(dot.x, dot.y).matrixTransform(map.svg.getScreenCTM());
    const left = Math.min(Math.max(0, at.x - box.left - map.tip.offsetWidth / 2), box.width - map.tip.offsetWidth);
    const above = at.y - box.top - map.tip.offsetHeight - 12;
    map.tip.style.left = `${left}px`;
    map.tip.style.top = `${above > 0 ? above : at.y - box.top + 14}px`;
  };

  for (const map of maps) {
    const point = (event) => {
      const index = nearest(map, event);
      if (index < 0) hide();
      else show(index, map);
    };
    map.svg.addEventListener("pointermove", point);
    map.svg.addEventListener("pointerdown", point);
    map.svg.addEventListener("pointerleave", hide);
  }

  for (const entry of document.querySelectorAll("#map > .legend li")) {
    entry.addEventListener("pointerenter", () => {
      frame.classList.add("focused");
      for (const group of frame.querySelectorAll(`g.${entry.dataset.group}`)) group.classList.add("shown");
    });
    entry.addEventListener("pointerleave", () => {
      frame.classList.remove("focused");
      for (const group of frame.querySelectorAll("g.shown")) group.classList.remove("shown");
    });
  }
})();
