"use strict";
// Makes a page easier to explore that says everything without it: legends whose lines can be switched off, values under the
// pointer and the arrow keys, tables that can be sorted.
(() => {
  const make = (tag, attributes, ...inside) => {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...inside);
    return element;
  };
  const tip = make("div", { class: "tip", role: "status" });
  tip.hidden = true;
  document.body.append(tip);

  // Reading and drawing units differ: texts of 27 units are shown between these sizes.
  const SMALLEST = 0.36, LARGEST = 0.62, NEAR = 45;

  const explore = (figure, svg) => {
    const frame = svg.parentElement;
    const title = svg.querySelector("title");
    svg.setAttribute("aria-label", title.textContent);
    title.remove();
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.setAttribute("viewBox", svg.dataset.panels);
    const width = Number(svg.dataset.panels.split(" ")[2]);
    svg.style.minWidth = `${width * SMALLEST}px`;
    svg.style.maxWidth = `${width * LARGEST}px`;

    const lines = [...svg.querySelectorAll(".series")];
    const keys = make("ul", { class: "keys", "aria-label": "Legend" });
    for (const key of svg.querySelectorAll(".key")) {
      const name = key.dataset.name;
      const named = lines.filter((line) => line.dataset.name === name);
      const label = named.length ? make("button", { type: "button", "aria-pressed": "true" }) : make("span", {});
      const shapes = [...key.children].filter((shape) => shape.tagName !== "text");
      if (shapes.length) {
        const swatch = svg.cloneNode(false);
        [...swatch.attributes].forEach(({ name }) => swatch.removeAttribute(name));
        swatch.setAttribute("viewBox", key.dataset.box);
        swatch.setAttribute("aria-hidden", "true");
        swatch.append(...shapes.map((shape) => shape.cloneNode(true)));
        label.append(swatch);
      }
      label.append(name);
      label.addEventListener("click", () => {
        const shown = label.getAttribute("aria-pressed") !== "true";
        label.setAttribute("aria-pressed", shown);
        named.forEach((line) => line.classList.toggle("off", !shown));
        hide();
      });
      keys.append(make("li", {}, label));
    }
    svg.querySelector(".legend")?.remove();
    frame.before(keys);

    const values = [...svg.querySelectorAll(".at")].map((mark) => {
      const said = mark.querySelector("title").textContent;
      mark.querySelector("title").remove();
      return { mark, said, line: mark.closest(".series") };
    });
    const of = new Map(values.map((value) => [value.mark, value]));
    const seen = () => values.filter(({ line }) => !line?.classList.contains("off"));
    const middle = (value) => {
      if (value.x === undefined) {
        const box = value.mark.getBBox();
        value.x = box.x + box.width / 2;
        value.y = box.y + box.height / 2;
      }
      return value;
    };
    let now;
    const hide = () => {
      tip.hidden = true;
      now?.mark.classList.remove("now");
      now = undefined;
    };
    const show = (value, left, top) => {
      hide();
      now = value;
      now.mark.classList.add("now");
      tip.textContent = now.said;
      tip.hidden = false;
      tip.style.left = `${Math.max(8, Math.min(left + 14, document.documentElement.clientWidth - tip.offsetWidth - 8))}px`;
      tip.style.top = `${top - tip.offsetHeight - 14 < 0 ? top + 18 : top - tip.offsetHeight - 14}px`;
    };
    const point = ({ target, clientX, clientY }) => {
      let value = of.get(target.closest(".at"));
      if (!value && lines.length) {
        const at = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
        const far = (other) => Math.hypot(middle(other).x - at.x, other.y - at.y);
        const best = seen().reduce((a, b) => (a && far(a) <= far(b) ? a : b), undefined);
        value = best && far(best) < NEAR ? best : undefined;
      }
      value ? show(value, clientX, clientY) : hide();
    };
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    svg.addEventListener("pointerleave", hide);

    frame.setAttribute("aria-label", `${frame.getAttribute("aria-label")}: the arrow keys go from value to value and from line to line`);
    frame.addEventListener("blur", hide);
    frame.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step || !values.length) return;
      event.preventDefault();
      const all = seen();
      const along = event.key === "ArrowRight" || event.key === "ArrowLeft";
      let next = all[0];
      if (now && along) {
        next = all[all.indexOf(now) + step] ?? now;
      } else if (now) {
        const drawn = [...new Set(all.map(({ line }) => line))];
        const line = drawn[(drawn.indexOf(now.line) + step + drawn.length) % drawn.length];
        const there = all.filter((value) => value.line === line);
        next = there.reduce((a, b) => (Math.abs(middle(a).x - middle(now).x) <= Math.abs(middle(b).x - now.x) ? a : b));
      }
      if (!next) return;
      const { left, top, width } = next.mark.getBoundingClientRect();
      show(next, left + width / 2, top);
    });
  };

  const sortable = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = (row) => row.cells[column].textContent;
        const order = (a, b) => key(a).localeCompare(key(b), "en", { numeric: true });
        body.append(...[...body.rows].sort((a, b) => (up ? order(a, b) : order(b, a))));
      });
    });
  };

  for (const figure of document.querySelectorAll("figure")) {
    const svg = figure.querySelector("svg[data-panels]");
    if (svg) explore(figure, svg);
  }
  document.querySelectorAll("table.sortable").forEach(sortable);
})();
