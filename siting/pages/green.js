// Green: one indicator at a time; the straight line and the way on foot side by side.
"use strict";

siting.layers.cells = () => new siting.Squares(siting.decode(siting.data.cells), siting.data.cell_m);

siting.layers.parks = () => siting.polygons(siting.data.parks,
  { pane: "green", color: "#2e7d32", weight: 1, fillColor: "#7cc47f", fillOpacity: 0.95, interactive: false });

siting.layers.pocket = () => siting.leaflet.layerGroup();

siting.pages.green = ({ map, layers, legend, panel }) => {
  const { data, el, fill, named, word, choose, headed, bar, circle, colour } = siting;
  const STATES = ["covered", "straight", "out", "unknown"];
  const state = { measure: data.measures[0], zoning: data.zonings[0].key, zone: null };
  siting.zoning = state.zoning;
  const headline = document.getElementById("headline");
  const detail = el("div", { class: "detail", "aria-live": "polite" });
  const pocket = el("div", { class: "pocket" });
  const list = el("div", { class: "list" });
  fill(panel,
    choose(word("page.indicator"), data.measures.map((m) => ({ key: m.key, label: m.label, hint: m.rule_text })),
      state.measure.key, (key) => { state.measure = data.measures.find((m) => m.key === key); draw(); }),
    detail, pocket, list);
  let table = null;
  const paint = STATES.map((name) => colour(name));
  if (layers.sites) {
    for (const at of data.entrances) circle(at, { pane: "sites", radius: 3, color: "#fff", weight: 1, fillColor: "#1b5e20", fillOpacity: 1, interactive: false }).addTo(layers.sites);
  }

  const nameOf = (entry) => data.zones[state.zoning][entry.i];

  function side(label, share, value, kind, missing) {
    const parts = value === null ? [] : [{ share: value, kind }, { share: Math.max(1 - value - missing, 0), kind: "out" }, { share: missing, kind: "unknown" }];
    return el("div", { class: "side" }, el("div", { class: "side-label" }, label), el("strong", {}, share), parts.length ? bar(parts, label) : null);
  }

  /** m² of park per person: the norm's verdict, and what the ratio is made of. */
  function room({ finding, mark, verdict, why, rule, lines }) {
    return [
      el("h3", {}, finding),
      el("p", { class: "quiet" }, el("span", { class: `verdict verdict-${mark}` }, verdict), why ? ` ${why}` : "", " ", word("rule"), " ", rule),
      el("table", { class: "figures further" }, el("tbody", {}, lines.map(([label, value]) =>
        el("tr", {}, el("th", { scope: "row" }, label), el("td", { class: "num" }, value)))))];
  }

  function drawPocket() {
    const { finding, rows, proof, proved } = data.pocket;
    const marks = new Map(), tables = [];
    const tip = (row) => [named(row.step === null ? row.name : `${row.step}. ${row.name}`),
      `${word("page.pocket_new")} ${row.new}`, `${word("page.pocket_foot")} ${row.foot}`, `${word("page.pocket_closes")} ${row.closes}`, row.persons, row.id].filter(Boolean);
    const chosen = rows.filter((row) => row.step !== null).sort((a, b) => a.step - b.step);
    for (const row of rows.filter((r) => r.step === null).reverse().concat(chosen)) {
      const look = row.step === null
        ? { radius: 4, color: colour("chosen"), weight: 1.6, fillColor: "#fff", fillOpacity: 0.9 }
        : { radius: 10, color: "#fff", weight: 2, fillColor: colour("chosen"), fillOpacity: 1 };
      marks.set(row.id, circle(row.at, { pane: "picked", ...look }, tip(row), () => pick(row.id)).addTo(layers.pocket));
      if (row.step === null) continue;
      siting.leaflet.marker(row.at, { pane: "names", interactive: false, keyboard: false,
        icon: siting.leaflet.divIcon({ html: el("span", {}, String(row.step)), className: "turn", iconSize: [0, 0] }) }).addTo(layers.pocket);
    }
    /** Show a place: of the table it was picked in, or on the map and then in the first that has it. */
    function pick(id, from = null) {
      const row = rows.find((r) => r.id === id);
      const shown = from || tables[row.step === null ? tables.length - 1 : 0];
      for (const each of tables) if (each !== from) each.pick(each === shown ? id : null, false);
      if (from) map.setView(row.at, Math.max(map.getZoom(), 14), { animate: false });
      marks.get(id).openTooltip();
    }
    const made = (caption, columns, some, cells, sort) => {
      const first = [{ label: columns[0], kind: "num" }, { label: word("page.pocket_place"), kind: "text", name: true }];
      const more = columns.slice(1).map((label) => ({ label, kind: "num", first: "desc" }));
      const one = siting.table({ caption, limit: 20, onPick: (id) => pick(id, one), columns: [...first, ...more],
        rows: some.map((row) => ({ key: row.id, cells: cells(row), sort: sort(row) })) });
      tables.push(one);
      return one.element;
    };
    fill(pocket, el("h2", {}, word("page.pocket")), el("p", {}, finding),
      chosen.length ? made(word("page.pocket_turn"), [word("page.pocket_step"), word("page.pocket_adds"), word("page.pocket_then")], chosen,
        (r) => [String(r.step), r.name, r.adds, r.then], (r) => [r.step, r.name, r.raw[2], r.step]) : null,
      el("details", { class: "shut" }, el("summary", {}, word("page.pocket_alone")),
        made("", ["#", word("page.pocket_new"), word("page.pocket_foot"), word("page.pocket_closes")], rows,
          (r) => [String(r.rank), r.name, r.new, r.foot, r.closes], (r) => [r.rank, r.name, r.raw[0], r.raw[1], r.raw[3]])),
      el("div", { class: `proof ${proved ? "proved" : ""}` }, el("ul", {}, proof.map((line) => el("li", {}, line)))));
  }

  function drawDetail() {
    const zone = state.measure.zones[state.zoning].find((e) => String(e.i) === state.zone);
    const entry = zone || state.measure.region;
    fill(detail,
      el("h2", {}, zone ? named(nameOf(zone)) : word("page.whole"),
        zone ? el("button", { type: "button", class: "back", onclick: () => select(null) }, word("page.back")) : null),
      el("div", { class: "sides" },
        side(word("page.straight"), entry.sp, entry.s, "straight", 0),
        side(word("page.foot"), entry.fp, entry.f, "covered", entry.u)),
      entry.targets.length ? el("table", { class: "figures targets" },
        el("thead", {}, el("tr", {}, [word("page.of"), word("page.target"), word("page.straight"), word("page.verdict")].map((h) => el("th", { scope: "col" }, h)))),
        el("tbody", {}, entry.targets.map((t) => el("tr", { title: t.rule },
          el("th", { scope: "row" }, t.of, el("small", {}, t.rule)), el("td", { class: "num" }, t.target), el("td", { class: "num" }, t.share),
          el("td", {}, el("span", { class: `verdict verdict-${t.mark}` }, t.verdict)))))) : el("p", { class: "quiet" }, word("page.no_target")),
      entry.t.length ? el("table", { class: "figures" }, el("tbody", {},
        data.row_labels.map((label, r) => el("tr", {}, el("th", { scope: "row" }, label), el("td", { class: "num" }, entry.t[r]))),
        el("tr", {}, el("th", { scope: "row" }, word("page.assessed")), el("td", { class: "num" }, entry.a)),
        el("tr", {}, el("th", { scope: "row" }, word("page.upper")), el("td", { class: "num" }, entry.up)))) : el("p", { class: "quiet" }, word("page.no_land")),
      el("p", { class: "rule" }, word("rule"), " ", state.measure.rule, el("br"), state.measure.rule_text),
      entry.room ? room(entry.room) : null);
  }

  function select(key) {
    state.zone = key;
    layers.picked.clearLayers();
    layers[`zones:${state.zoning}`].eachLayer((shape) => {
      if (String(shape.place) !== key) return;
      siting.leaflet.polygon(shape.getLatLngs(), { pane: "picked", color: "#111", weight: 3.5, fill: false, interactive: false }).addTo(layers.picked);
      siting.fit(map, shape.getBounds());
    });
    if (key === null) siting.fit(map);
    table.pick(key, false);
    drawDetail();
  }

  function draw() {
    const { measure } = state;
    headed(headline, measure.finding);
    if (layers.cells) {
      const digits = data.states[measure.key];
      layers.cells.colour((i) => paint[digits.charCodeAt(i) - 48]);
    }
    legend(measure.legend);
    const rows = measure.zones[state.zoning].filter((e) => e.t.length);
    table = siting.table({
      caption: word("page.list"),
      columns: [
        { label: word("zone"), kind: "text", name: true },
        { label: word("page.straight"), kind: "num" },
        { label: word("page.foot"), kind: "num" },
        { label: word("page.land"), kind: "num", first: "desc" },
      ],
      rows: rows.map((e) => ({ key: String(e.i), cells: [nameOf(e), e.sp, e.fp, e.t[0]], sort: [nameOf(e), e.s, e.f, e.land] })),
      sorted: [2, true],
      onPick: (key) => { select(key); panel.scrollTop = 0; },
    });
    fill(list, table.element);
    if (!rows.some((e) => String(e.i) === state.zone)) state.zone = null;
    table.pick(state.zone, false);
    drawDetail();
  }
  draw();
  if (data.pocket) drawPocket();
};
