// Baskets: who has every service of a level or group in reach; what is most often missing.
"use strict";

siting.pages.baskets = ({ map, layers, legend, panel }) => {
  const { data, el, fill, named, word, choose, count, outline, headed, bar, circle, colour } = siting;
  const KINDS = ["covered", "out", "unknown"];
  const state = { measure: data.measures[0], zoning: data.zonings[0].key, zone: null, kind: null };
  siting.zoning = state.zoning;
  const headline = document.getElementById("headline");
  const controls = el("div", { class: "controls" });
  const detail = el("div", { class: "detail", "aria-live": "polite" });
  const list = el("div", { class: "list" });
  const groups = el("div", { class: "groups" });
  fill(panel, controls, detail, groups, list);
  let table = null;

  const entries = () => data.figures[state.measure.key][state.zoning];
  const nameOf = (entry) => (entry.i >= 0 ? data.zones[state.zoning][entry.i] : entry.n);
  const keyOf = (entry) => (entry.i >= 0 ? String(entry.i) : `x${entry.n}`);
  const worst = (entry) => (entry.k.length && entry.k[0].n ? state.measure.kinds[entry.k[0].i].label : "—");
  /** Raw figures to sort by: the share of the assessed with everything, and how many are without. */
  const share = ({ b }) => (b.length && b[0] + b[1] ? b[0] / (b[0] + b[1]) : null);
  const out = (entry) => (entry.b.length ? entry.b[1] : null);
  const parts = (entry) => entry.b.map((n, k) => ({ share: n, kind: KINDS[k] }));

  /** What most people lack is shown until another kind is picked. */
  const first = () => (entries().region.k.length ? entries().region.k[0].i : null);

  function ask(key) {
    state.measure = data.measures.find((m) => m.key === key);
    state.kind = first();
    drawControls();
    draw();
  }

  function drawControls() {
    fill(controls,
      choose(word("page.basket"), data.measures.map((m) => ({ key: m.key, label: m.label, hint: m.rule_text })), state.measure.key, ask),
      data.zonings.length > 1 ? choose(word("zoning"), data.zonings, state.zoning, (key) => {
        map.removeLayer(layers[`zones:${state.zoning}`]);
        state.zoning = siting.zoning = key;
        state.zone = null;
        map.addLayer(layers[`zones:${key}`]);
        map.fire("moveend");
        draw();
      }) : null);
  }

  function style(entry) {
    const level = entry === undefined ? -1 : entry.c;
    const paint = level === -2 ? "not-assessed" : level === -1 ? "not-judged" : `class-${level}`;
    return { fillColor: colour(paint), fillOpacity: map.attributionControl ? 0.6 : 1 };
  }

  function missing() {
    const gone = state.measure.missing;
    if (!gone.length) return null;
    return el("div", { class: "missing", "data-figure": "missing" }, el("b", {}, word("page.missing", { n: String(gone.length) })),
      el("ul", {}, gone.map((kind) => el("li", {}, el("b", {}, kind.label), " ", el("span", {}, `${kind.field} · ${kind.why}`)))));
  }

  function figures(entry) {
    if (!entry.t.length) return el("p", { class: "quiet" }, word("page.nobody"));
    return el("table", { class: "figures" },
      el("thead", {}, el("tr", {}, el("td", { class: "unit" }, word("page.unit")), entry.h.map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", {}, data.row_labels.map((label, r) =>
        el("tr", {}, el("th", { scope: "row" }, label), entry.t.map((column) => el("td", { class: "num", "data-figure": data.row_keys[r] }, column[r]))))));
  }

  /** Which kind most often fails; picking one shows where it is. */
  function lacking(entry) {
    if (!entry.k.length) return null;
    const persons = entry.b.reduce((sum, n) => sum + n, 0);
    return el("table", { class: "figures lacking" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, word("page.kind")), el("th", { scope: "col" }, word("page.lacking")),
        el("th", { scope: "col" }, word("page.only")), el("td", { class: "barcell" }))),
      el("tbody", {}, entry.k.map((row) => {
        const kind = state.measure.kinds[row.i];
        const on = state.kind === row.i;
        return el("tr", { class: on ? "on" : "" },
          el("th", { scope: "row" }, el("button", { type: "button", class: "kind-pick", "aria-pressed": String(on), title: kind.from, onclick: () => { state.kind = on ? null : row.i; drawSites(); drawDetail(); } }, kind.label, " ", el("small", {}, kind.field))),
          el("td", { class: "num", "data-figure": "lacking" }, count(row.n)), el("td", { class: "num", "data-figure": "only" }, count(row.only)),
          el("td", { class: "barcell" }, bar([{ share: row.n, kind: "out" }, { share: persons - row.n, kind: "none" }], word("page.lacking"))));
      })));
  }

  function stock(entry) {
    const { unstocked } = state.measure;
    return [
      el("table", { class: "figures further" }, el("tbody", {}, entry.x.map((line) =>
        el("tr", {}, el("th", { scope: "row" }, line.l, el("small", {}, line.by)), el("td", { class: "num", "data-figure": line.k }, line.v))))),
      unstocked ? el("p", { class: "rule", "data-figure": "unstocked" }, word("page.unstocked", { kinds: unstocked })) : null,
    ];
  }

  function drawDetail() {
    const zone = entries().zones.find((e) => keyOf(e) === state.zone);
    const entry = zone || entries().region;
    fill(detail,
      el("h2", {}, zone ? named(nameOf(zone)) : word("page.whole"),
        zone ? el("button", { type: "button", class: "back", onclick: () => select(null) }, word("page.back")) : null),
      el("div", { class: "big" }, el("strong", { "data-figure": "share" }, entry.p), el("span", {}, word("page.share"), el("br"), state.measure.of)),
      entry.b.length ? bar(parts(entry), word("page.bar")) : null,
      entry.c === -2 ? el("p", { class: "warn" }, word("page.not_judged")) : null,
      missing(),
      entry.k.length ? el("h3", {}, word("page.ranking")) : null,
      lacking(entry),
      figures(entry),
      entry.h.some((h) => h.endsWith("*")) ? el("p", { class: "rule" }, word("page.counted")) : null,
      el("h3", {}, word("page.stock")),
      stock(entry),
      el("p", { class: "rule" }, state.measure.who, el("br"), word("rule"), " ", state.measure.rule, el("br"), state.measure.rule_text),
      el("p", { class: "rule" }, state.measure.contents));
  }

  function drawGroups() {
    if (!data.groups.length) return;
    fill(groups, el("h3", {}, data.groups_finding), el("div", { class: "sides" }, data.groups.map((g) =>
      el("div", { class: "side", "data-group": g.key },
        el("div", { class: "side-label" }, el("button", { type: "button", class: "back", onclick: () => { ask(g.key); panel.scrollTop = 0; } }, g.label)),
        el("strong", {}, g.p), g.b.length ? bar(g.b.map((n, k) => ({ share: n, kind: KINDS[k] })), g.label) : null,
        el("p", { class: "rule" }, `${g.who} · ${g.people}`, el("br"), `${word("page.range")} ${g.range}`, el("br"), g.of,
          g.most ? [el("br"), g.most] : null, g.missing ? [el("br"), el("b", { class: "warn" }, word("page.missing_of", { kinds: g.missing }))] : null,
          el("br"), g.rule)))));
  }

  const drawSites = () => siting.drawFacilities(state.kind === null ? [] : state.measure.kinds[state.kind].services, layers.sites);

  function select(key, fromMap = false) {
    state.zone = key;
    outline(layers[`zones:${state.zoning}`], key);
    table.pick(key, false);
    drawDetail();
    if (fromMap) detail.scrollIntoView({ block: "nearest" });
  }

  function draw() {
    const { measure } = state;
    headed(headline, measure.finding);
    const byPlace = new Map(entries().zones.map((e) => [e.i, e]));
    layers[`zones:${state.zoning}`].eachLayer((shape) => {
      const i = shape.place;
      shape.setStyle(style(byPlace.get(i)));
      shape.off("click").on("click", () => select(String(i), true));
      shape.unbindTooltip().bindTooltip(() => {
        const entry = byPlace.get(i);
        return el("div", { class: "tip" }, named(data.zones[state.zoning][i]),
          entry ? el("div", {}, `${word("page.share_short")} ${entry.p}`) : null);
      }, { sticky: true, opacity: 1 });
      siting.untabbed(shape);
    });
    layers.people.clearLayers();
    const spots = new Map(data.names[state.zoning].map((z) => [z.i, z.at]));
    for (const entry of [...entries().zones].sort((a, b) => out(b) - out(a))) {
      if (entry.i < 0 || !out(entry) || !entry.r) continue;
      circle(spots.get(entry.i), { pane: "people", radius: entry.r, color: "#fff", weight: 1.2, fillColor: colour("out"), fillOpacity: 0.72 },
        [named(nameOf(entry)), `${word("page.incomplete")} ${count(out(entry))}`], () => select(String(entry.i), true)).addTo(layers.people);
    }
    drawSites();
    legend(measure.legends[state.zoning]);
    const shown = entries().zones;
    table = siting.table({
      caption: word("page.list"),
      columns: [
        { label: word("zone"), kind: "text", name: true },
        { label: word("page.share_short"), kind: "num", title: word("page.share") },
        { label: word("page.incomplete"), kind: "num", first: "desc" },
        { label: word("page.worst"), kind: "text" },
        { label: "", kind: "text barcell", title: word("page.bar") },
      ],
      rows: shown.map((entry) => ({
        key: keyOf(entry),
        cells: [nameOf(entry), entry.p, count(out(entry)), worst(entry), entry.b.length ? bar(parts(entry), word("page.bar")) : ""],
        sort: [nameOf(entry), share(entry), out(entry), worst(entry), share(entry)],
      })),
      sorted: [2, false],
      onPick: (key) => { select(key); panel.scrollTop = 0; },
    });
    fill(list, el("ul", { class: "key" }, KINDS.map((kind) => el("li", { class: `key-${kind}` }, word(`page.part_${kind}`)))), table.element);
    if (state.zone !== null && !shown.some((e) => keyOf(e) === state.zone)) state.zone = null;
    select(state.zone);
  }

  state.kind = first();
  drawControls();
  drawGroups();
  draw();
};
