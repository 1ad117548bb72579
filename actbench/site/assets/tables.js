"use strict";
// Tables sort by a click on a heading; a long one can be filtered, by words, by track, by reference and without failures, and be saved.
const REFERENCE = "relu"; // as actbench.tables.schema.REFERENCE
const CHOSEN = ["track", "reference"]; // columns by which rows are chosen
const LONG = 10; // rows from which a table has tools; one with several tracks or references always has
const FAILURES = /^(diverged|failed|failures)$/;
const VERDICTS = ["better", "worse", "equivalent", "undecided"];

const textOf = (cell) => cell.textContent.trim();

function isFailure(row, names) {
  return [...row.cells].some((cell, column) => {
    const text = textOf(cell);
    return /^(diverged|failed)$/.test(text) || (FAILURES.test(names[column]) && parseFloat(text) > 0);
  });
}

function labelled(text, element) {
  const label = document.createElement("label");
  label.append(text, element);
  return label;
}

function save(names, body, file) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const rows = [...body.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(textOf));
  const lines = [names, ...rows].map((cells) => cells.map((text) => quoted(text.replace(/−/g, "-"))).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = file;
  link.click();
  URL.revokeObjectURL(link.href);
}

// The name of the page, for a report that of its folder, and a number for each table on it.
function fileName(place) {
  const page = decodeURI(location.pathname).replace(/(\/report|\/index)?\.html$/, "").split("/").pop();
  return `${page || "table"}-${place + 1}.csv`;
}

// A choice for a column in which rows differ: all of them, or those with one value.
function chooserOf(name, names, body) {
  const column = names.indexOf(name);
  const values = column < 0 ? [] : [...new Set([...body.rows].map((row) => textOf(row.cells[column])))].sort();
  const select = document.createElement("select");
  for (const value of ["all", ...values]) select.add(new Option(value, value));
  return { name, select, values, keeps: (row) => select.value === "all" || textOf(row.cells[column]) === select.value };
}

function toolsOf(names, body, choosers, place) {
  const rows = [...body.rows];
  const tools = document.createElement("div");
  tools.className = "table-tools";
  const words = Object.assign(document.createElement("input"), { type: "search", placeholder: "filter rows", size: 14 });
  words.setAttribute("aria-label", "filter rows");
  const hidden = Object.assign(document.createElement("input"), { type: "checkbox" });
  const shown = document.createElement("output");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "CSV" });
  button.title = "save the rows shown";
  button.addEventListener("click", () => save(names, body, fileName(place)));
  const update = () => {
    for (const row of rows) {
      row.hidden =
        !row.textContent.toLowerCase().includes(words.value.toLowerCase()) ||
        !choosers.every((chooser) => chooser.keeps(row)) ||
        (hidden.checked && isFailure(row, names));
    }
    shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  tools.append(words, ...choosers.map((chooser) => labelled(chooser.name, chooser.select)));
  if (rows.some((row) => isFailure(row, names))) tools.append(labelled(hidden, "hide failures"));
  tools.append(shown, button);
  tools.addEventListener("input", update);
  update();
  return tools;
}

for (const [place, table] of [...document.querySelectorAll(".md-typeset table")].entries()) {
  const [body] = table.tBodies;
  const headings = table.tHead ? [...table.tHead.rows[0].cells] : [];
  const names = headings.map(textOf);
  if (!body || !names[0]) continue; // a table without headings is a box
  makeSortable(headings, body);
  for (const row of body.rows) {
    row.classList.toggle("reference", textOf(row.cells[0]) === REFERENCE);
    for (const cell of row.cells) {
      if (VERDICTS.includes(textOf(cell))) cell.dataset.verdict = textOf(cell);
    }
  }
  const choosers = CHOSEN.map((name) => chooserOf(name, names, body)).filter(({ values }) => values.length > 1);
  if (body.rows.length < LONG && !choosers.length) continue;
  const wrapper = table.closest(".md-typeset__scrollwrap") ?? table;
  wrapper.before(toolsOf(names, body, choosers, place));
}
