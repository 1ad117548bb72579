"use strict";
// Tables sort by a click on a heading; a long one can be filtered, by words, by track and without failures, and be saved.
const REFERENCE = "relu"; // as actbench.tables.schema.REFERENCE
const LONG = 10; // rows from which a table has tools; one with several tracks always has
const FAILURES = /^(diverged|failed|failures)$/;
const VERDICTS = {
  "true by definition": "true", "false by definition": "false",
  inconclusive: "undecided", supported: "true", refuted: "false", // the words of the first edition
};
const KNOWN = ["better", "worse", "equivalent", "undecided", "true", "false"];

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

function save(names, body) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const rows = [...body.rows].filter((row) => !row.hidden).map((row) => [...row.cells].map(textOf));
  const lines = [names, ...rows].map((cells) => cells.map((text) => quoted(text.replace(/−/g, "-"))).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  link.download = `${document.title.split(" ")[0].toLowerCase()}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function toolsOf(names, body, column, tracks) {
  const rows = [...body.rows];
  const tools = document.createElement("div");
  tools.className = "table-tools";
  const words = Object.assign(document.createElement("input"), { type: "search", placeholder: "filter rows", size: 14 });
  words.setAttribute("aria-label", "filter rows");
  const track = document.createElement("select");
  for (const name of ["all", ...tracks]) track.add(new Option(name, name));
  const hidden = Object.assign(document.createElement("input"), { type: "checkbox" });
  const shown = document.createElement("output");
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "CSV" });
  button.title = "save the rows shown";
  button.addEventListener("click", () => save(names, body));
  const update = () => {
    for (const row of rows) {
      row.hidden =
        !row.textContent.toLowerCase().includes(words.value.toLowerCase()) ||
        (track.value !== "all" && textOf(row.cells[column]) !== track.value) ||
        (hidden.checked && isFailure(row, names));
    }
    shown.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
  };
  tools.append(words);
  if (tracks.length > 1) tools.append(labelled("track", track));
  if (rows.some((row) => isFailure(row, names))) tools.append(labelled(hidden, "hide failures"));
  tools.append(shown, button);
  tools.addEventListener("input", update);
  update();
  return tools;
}

for (const table of document.querySelectorAll(".md-typeset table")) {
  const [body] = table.tBodies;
  const headings = table.tHead ? [...table.tHead.rows[0].cells] : [];
  const names = headings.map(textOf);
  if (!body || !names[0]) continue; // a table without headings is a box
  makeSortable(headings, body);
  for (const row of body.rows) {
    row.classList.toggle("reference", textOf(row.cells[0]) === REFERENCE);
    for (const cell of row.cells) {
      const verdict = VERDICTS[textOf(cell)] ?? textOf(cell);
      if (KNOWN.includes(verdict)) cell.dataset.verdict = verdict;
    }
  }
  const track = names.indexOf("track");
  const tracks = track < 0 ? [] : [...new Set([...body.rows].map((row) => textOf(row.cells[track])))].sort();
  if (body.rows.length < LONG && tracks.length < 2) continue;
  const wrapper = table.closest(".md-typeset__scrollwrap") ?? table;
  wrapper.before(toolsOf(names, body, track, tracks));
}
