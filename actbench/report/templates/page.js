if (window.matchMedia("(max-width: 700px)").matches) document.querySelector("nav details")?.removeAttribute("open");
for (const table of document.querySelectorAll("table.sortable")) {
  makeSortable([...table.tHead.rows[0].cells], table.tBodies[0]);
}
