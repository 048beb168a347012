// New sites: the chosen candidates, the others, and the people newly covered.
"use strict";

siting.pages.new_sites = ({ map, layers, legend, panel }) => {
  const { data, el, fill, named, word, bar, circle, colour, leaflet: L } = siting;
  legend(data.legend);
  for (const [lat, lon, r] of data.newly) {
    circle([lat, lon], { pane: "people", radius: r, color: "#fff", weight: 0.6, fillColor: colour("covered"), fillOpacity: 0.7, interactive: false }).addTo(layers.people);
  }
  siting.drawFacilities(Object.keys(data.facilities), layers.sites);
  const marks = new Map();
  for (const row of [...data.rows].reverse()) {
    if (!row.at) continue;
    const look = row.chosen
      ? { radius: 11, color: "#fff", weight: 3, fillColor: colour("chosen"), fillOpacity: 1 }
      : { radius: 6, color: row.excluded ? "#777" : colour("chosen"), weight: 2.5, fillColor: "#fff", fillOpacity: 0.95 };
    marks.set(row.id, circle(row.at, { pane: "sites", ...look }, [named(row.name), row.what, `${word("page.new_persons")} ${row.persons}`, row.excluded || null].filter(Boolean), () => select(row.id, false)).addTo(layers.picked));
    if (row.chosen) {
      L.marker(row.at, { pane: "names", interactive: false, keyboard: false,
        icon: L.divIcon({ html: el("span", {}, named(row.name)), className: "flow-name", iconSize: [0, 0] }) }).addTo(layers.picked);
    }
  }

  function select(id, byHand = true) {
    table.pick(id, false);
    const row = data.rows.find((r) => r.id === id);
    if (row && row.at) {
      if (byHand) map.setView(row.at, Math.max(map.getZoom(), 13), { animate: false });
      marks.get(id).openTooltip();
    }
  }

  const table = siting.table({
    caption: word("page.list"),
    columns: [
      { label: word("page.candidate"), kind: "text", name: true },
      { label: word("page.what"), kind: "text" },
      { label: word("page.new_persons"), kind: "num", first: "desc", title: word("page.new_persons_long") },
    ],
    rows: data.rows.map((row) => ({
      key: row.id,
      cells: [row.name, el("span", { class: row.chosen ? "verdict verdict-pass" : "quiet", title: row.excluded }, row.what), row.persons],
      sort: [row.name, row.what, row.p],
    })),
    onPick: (id) => select(id),
  });
  fill(panel,
    el("div", { class: "big" }, el("strong", {}, `+${data.big}`), el("span", {}, data.big_label)),
    bar(data.bars.map((n, k) => ({ share: n, kind: ["covered", "gained", "out"][k] })), word("page.bar")),
    el("ul", { class: "key" }, ["covered", "gained", "out"].map((kind) => el("li", { class: `key-${kind}` }, word(`page.part_${kind}`)))),
    el("table", { class: "figures" }, el("tbody", {}, data.facts.map(([label, n, share]) =>
      el("tr", {}, el("th", { scope: "row" }, label), el("td", { class: "num" }, n), el("td", { class: "num" }, share))))),
    el("div", { class: `proof ${data.proved ? "proved" : ""}` }, el("h3", {}, word("page.proof")), el("ul", {}, data.proof.map((line) => el("li", {}, line)))),
    el("p", { class: "rule" }, word("rule"), " ", data.rule),
    table.element);
};
