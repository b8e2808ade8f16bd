// Looks at the page that it stands in, and tells the page around it what is wrong: what reaches over the sides, texts that do not
// stand out, and what does not answer to pointer, keyboard and buttons.
addEventListener("load", () => {
  const faults = [];
  const need = (holds, fault) => holds || faults.push(fault);
  const name = (element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> "${element.textContent.trim().slice(0, 40)}"`;

  const parts = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = parts(colour).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  let texts = 0;
  const look = () => {
    const width = document.documentElement.clientWidth;
    need(document.documentElement.scrollWidth <= width, `the page is ${document.documentElement.scrollWidth} wide`);
    for (const element of document.body.querySelectorAll("*")) {
      const letters = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (!letters || !element.checkVisibility({ visibilityProperty: true }) || element.closest("script, style, title, desc")) continue;
      texts += 1;
      const drawn = element instanceof SVGElement;
      const box = element.getBoundingClientRect();
      need(element.closest(".wide") || box.right <= width + 1, `${name(element)} ends at ${box.right}`);
      const style = getComputedStyle(element);
      const found = contrast(drawn ? style.fill : style.color, ground(element));
      need(found >= 4.5, `${name(element)} has a contrast of ${found.toFixed(2)}`);
    }
  };
  look();

  const explores = document.querySelector(".tip");
  for (const figure of explores ? document.querySelectorAll("figure") : []) {
    const [frame, tip] = [figure.querySelector(".wide"), document.querySelector(".tip")];
    const [first] = figure.querySelectorAll(".series:not(.off) .at");
    if (first) {
      const { left, top, width, height } = first.getBoundingClientRect();
      first.firstElementChild.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: left + width / 2, clientY: top + height / 2 }));
      need(!tip.hidden && tip.textContent.includes(": "), `${name(figure)}: no value under the pointer`);
      look();
      const said = tip.textContent;
      frame.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
      need(!tip.hidden && tip.textContent !== said, `${name(figure)}: the arrow keys do nothing`);
      frame.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
      need(tip.hidden, `${name(figure)}: the value stays`);
      const button = [...figure.querySelectorAll(".keys button")].find(({ textContent }) => textContent === first.parentElement.dataset.name);
      button.click();
      need(button.getAttribute("aria-pressed") === "false" && !first.getBoundingClientRect().width, `${name(figure)}: a line stays`);
      look();
      button.click();
      need(button.getAttribute("aria-pressed") === "true" && first.getBoundingClientRect().width, `${name(figure)}: a line is lost`);
    }
  }
  for (const table of explores ? document.querySelectorAll("table.sortable") : []) {
    const column = () => [...table.tBodies[0].rows].map((row) => row.cells[1].textContent);
    const head = table.tHead.rows[0].cells[1];
    head.querySelector("button").click();
    const up = column();
    head.querySelector("button").click();
    need(head.getAttribute("aria-sort") === "descending" && up.join() !== column().join(), "a table is not sorted");
  }

  for (const svg of document.querySelectorAll("figure .wide > svg")) {
    need((svg.getAttribute("aria-label") ?? svg.querySelector("title")?.textContent) && svg.querySelector("desc"), "a figure has no words");
  }
  document.querySelectorAll("th").forEach((head) => need(head.scope, `${name(head)} has no scope`));
  const levels = [...document.querySelectorAll("h1, h2, h3")].map((heading) => Number(heading.tagName[1]));
  need(levels[0] === 1 && levels.every((level, i) => i === 0 || level <= levels[i - 1] + 1), `headings of levels ${levels}`);
  need(texts > 30, `${texts} texts alone were seen`);
  parent.postMessage({ faults, texts, figures: document.querySelectorAll("figure").length }, "*");
});
