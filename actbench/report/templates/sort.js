"use strict";
// Sort a table by a click on a heading, in a report and on the site.
// Numbers by the number that the cell begins with, words as words, missing values last.
function sortKey(cell) {
  const text = cell.textContent.trim().replace(/−/g, "-").replace(/^[[(]/, "");
  if (text === "" || text === "–") return null;
  const number = /^[+-]?(\d[\d,]*\.?\d*(e[+-]?\d+)?|∞)/.exec(text);
  return number ? Number(number[0].replace(/,/g, "").replace("∞", "Infinity")) : text.toLowerCase();
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === typeof b) return sign * (a < b ? -1 : a > b ? 1 : 0);
  return typeof a === "number" ? -1 : 1;
}

function makeSortable(headings, body) {
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
      const rows = [...body.rows].map((row) => [sortKey(row.cells[column]), row]);
      rows.sort((a, b) => compare(a[0], b[0], up ? 1 : -1));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
