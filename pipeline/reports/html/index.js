// The folder page: sort by any column, filter by name.

document.documentElement.classList.add("scripted");
const table = document.getElementById("videos");
if (table) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const value = (row, column, kind) => (kind === "text" ? row.cells[column].dataset.sort : Number(row.cells[column].dataset.sort));
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const kind = head.dataset.kind;
      // Numbers are sorted in descending order, names ascending.
      const first = kind === "text" ? "ascending" : "descending", other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      heads.forEach((cell) => cell.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const compare = kind === "text" ? (a, b) => a.localeCompare(b, undefined, { numeric: true }) : (a, b) => a - b;
      body.append(...rows.sort((a, b) => sign * compare(value(a, column, kind), value(b, column, kind))));
    });
  });
  const search = document.getElementById("search");
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    rows.forEach((row) => { row.hidden = !row.cells[0].dataset.sort.toLocaleLowerCase().includes(wanted); });
    document.getElementById("count").textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
  });
}
