"use strict";
// Sort a table by a heading: numbers by the number that the cell begins with, words as words, missing values last.
function sortKey(cell) {
  const text = cell.textContent.trim().replace(/−/g, "-");
  if (text === "" || text === "–") return null;
  const number = /^-?(\d[\d,]*\.?\d*(e[+-]?\d+)?|∞)/.exec(text);
  if (!number) return text.toLowerCase();
  return Number(number[0].replace(/,/g, "").replace("∞", "Infinity"));
}
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === typeof b) return sign * (a < b ? -1 : a > b ? 1 : 0);
  return typeof a === "number" ? -1 : 1;
}
if (window.matchMedia("(max-width: 700px)").matches) document.querySelector("nav details")?.removeAttribute("open");
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = heading.getAttribute("aria-sort") !== "ascending";
      headings.forEach((other) => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
      rows.sort((a, b) => compare(a[0], b[0], up ? 1 : -1));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
