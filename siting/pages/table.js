// A table that sorts by its headings and whose rows can be picked with mouse and keyboard.
"use strict";

/**
 * columns: [{key, label, title, kind: "text"|"num", first: "desc"|"asc"}]
 * rows: [{key, cells: [shown], sort: [raw], name: column of names, mark: class}]
 */
siting.table = ({ caption, columns, rows, onPick, limit = 300, sorted = null }) => {
  const { el, fill, named, word } = siting;
  let order = sorted;
  let picked = null;
  let shown = limit;
  const body = el("tbody");
  const more = el("p", { class: "more" });
  const heads = columns.map((column, place) => el("th", { scope: "col", class: column.kind, "aria-sort": "none", title: column.title },
    el("button", { type: "button", onclick: () => sort(place) }, column.label)));

  function compare(a, b) {
    const [place, up] = order;
    const x = a.sort[place], y = b.sort[place];
    if (x === y) return a.place - b.place;
    if (x === null) return 1;
    if (y === null) return -1;
    const less = typeof x === "number" ? x - y : String(x).localeCompare(String(y), siting.data.lang);
    return up ? less : -less;
  }

  function sort(place) {
    const natural = columns[place].first !== "desc";
    order = order && order[0] === place ? [place, !order[1]] : [place, natural];
    draw();
  }

  function draw() {
    const listed = rows.map((row, place) => ({ ...row, place }));
    if (order) listed.sort(compare);
    heads.forEach((head, place) => head.setAttribute("aria-sort",
      order && order[0] === place ? (order[1] ? "ascending" : "descending") : "none"));
    fill(body, listed.slice(0, shown).map((row) => {
      const cells = row.cells.map((cell, place) => {
        const column = columns[place];
        const content = cell instanceof Node ? cell : column.name ? el("button", { type: "button", class: "pick", onclick: (e) => { e.stopPropagation(); pick(row.key, true); } }, named(cell)) : cell;
        return el("td", { class: [column.kind, row.marks && row.marks[place]].filter(Boolean).join(" ") }, content);
      });
      return el("tr", { "data-key": row.key, "aria-selected": String(row.key === picked), onclick: () => pick(row.key, true) }, cells);
    }));
    fill(more, rows.length > shown ? [word("more", { n: String(shown), all: String(rows.length) }), " ",
      el("button", { type: "button", onclick: () => { shown = rows.length; draw(); } }, word("show_all"))] : null);
  }

  /** Mark a row; tell the page when a person did it, bring it into view when the map did. */
  function pick(key, byHand = false) {
    picked = key;
    for (const row of body.rows) row.setAttribute("aria-selected", String(row.dataset.key === key));
    if (byHand) onPick(key);
    else {
      const row = [...body.rows].find((r) => r.dataset.key === key);
      if (row) row.scrollIntoView({ block: "nearest" });
    }
  }

  draw();
  const element = el("div", { class: "table-box" },
    el("table", { class: "pickable" }, el("caption", {}, caption), el("thead", {}, el("tr", {}, heads)), body), more);
  return { element, pick };
};
