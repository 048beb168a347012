// Coverage by zone: choropleth of shares, circles of the people out of reach, figures of a zone.
"use strict";

siting.pages.coverage = ({ map, layers, legend, panel }) => {
  const { data, el, fill, named, word, choose, count, outline, headed, bar, circle, colour } = siting;
  const KINDS = ["covered", "no-seat", "out", "unknown"];
  const state = { measure: data.measures[0], zoning: data.zonings[0].key, how: "network", zone: null };
  siting.zoning = state.zoning;
  const headline = document.getElementById("headline");
  const controls = el("div", { class: "controls" });
  const summary = el("div", { class: "summary" });
  const detail = el("div", { class: "detail", "aria-live": "polite" });
  const list = el("div", { class: "list" });
  fill(panel, controls, summary, detail, list);
  let table = null;

  /** Raw figures to sort by: the share shown, and how many are out of reach. */
  const finite = (n) => (Number.isFinite(n) ? n : null);
  const share = ({ b, sp }) => finite(state.how === "straight" ? parseFloat(sp.replace(/[<>]/, "")) : b[0] / (b[0] + b[1] + b[2]));
  const out = (entry) => (entry.b.length ? entry.b[2] : null);

  const entries = () => data.figures[state.measure.key][state.zoning];
  const nameOf = (entry) => (entry.i >= 0 ? data.zones[state.zoning][entry.i] : entry.n);
  const keyOf = (entry) => (entry.i >= 0 ? String(entry.i) : `x${entry.n}`);

  function drawControls() {
    const services = data.measures.map((m) => ({ key: m.key, label: m.label, hint: m.rule_text }));
    fill(controls,
      choose(word("service"), services, state.measure.key, (key) => {
        state.measure = data.measures.find((m) => m.key === key);
        if (!state.measure.straight) state.how = "network";
        drawControls();
        draw();
      }),
      state.measure.straight ? choose(word("measured"), [
        { key: "network", label: word("page.network") }, { key: "straight", label: word("page.straight") },
      ], state.how, (key) => { state.how = key; draw(); }) : null,
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
    const level = entry === undefined ? -1 : state.how === "straight" ? entry.s : entry.c;
    const paint = level === -2 ? "not-assessed" : level === -1 ? "not-judged" : `class-${level}`;
    // under the ground in reach the shares step back: two fills at once are not read
    if (layers.areas && map.hasLayer(layers.areas)) return { fillColor: "#fff", fillOpacity: 0.35 };
    return { fillColor: colour(paint), fillOpacity: map.attributionControl ? 0.6 : 1 };
  }

  function figures(entry) {
    if (!entry.t.length) return el("p", { class: "quiet" }, word("page.nobody"));
    return el("table", { class: "figures" },
      el("thead", {}, el("tr", {}, el("td", { class: "unit" }, word("page.unit")), entry.h.map((h) => el("th", { scope: "col" }, h)))),
      el("tbody", {}, state.measure.row_labels.map((label, r) =>
        el("tr", {}, el("th", { scope: "row" }, label), entry.t.map((column) => el("td", { class: "num", "data-figure": state.measure.row_keys[r] }, column[r]))))));
  }

  /** What stands beside the shares: figures of a service, not of a settlement class. */
  function further(entry) {
    if (!entry.x.length) return null;
    return el("table", { class: "figures further" }, el("tbody", {}, entry.x.map((line) =>
      el("tr", {}, el("th", { scope: "row" }, line.l), el("td", { class: "num", "data-figure": line.k }, line.v)))));
  }

  /** What the share shown is of: who has a seat, where seats are counted. */
  const shareOf = () => (state.how === "network" && state.measure.seats ? "seat" : state.how);

  function bigShare(entry) {
    const share = state.how === "straight" ? entry.sp : entry.p;
    return [
      el("div", { class: "big" }, el("strong", {}, share), el("span", {}, word(`page.share_${shareOf()}`))),
      entry.verdict ? el("p", {}, el("span", { class: `verdict verdict-${entry.verdict[0]}`, "data-figure": "verdict" }, entry.verdict[1])) : null,
      entry.b.length ? bar(entry.b.map((n, k) => ({ share: n, kind: KINDS[k] })), word("page.bar")) : null,
    ];
  }

  function drawDetail() {
    const zone = entries().zones.find((e) => keyOf(e) === state.zone);
    const entry = zone || entries().region;
    fill(detail,
      el("h2", {}, zone ? named(nameOf(zone)) : word("page.whole"),
        zone ? el("button", { type: "button", class: "back", onclick: () => select(null) }, word("page.back")) : null),
      bigShare(entry),
      entry.c === -2 ? el("p", { class: "warn" }, word("page.not_judged")) : null,
      figures(entry),
      further(entry),
      entry.h.some((h) => h.endsWith("*")) ? el("p", { class: "rule" }, word("page.counted")) : null,
      el("p", { class: "rule" }, state.measure.who, el("br"), word("rule"), " ", state.measure.rule, el("br"), state.measure.rule_text));
  }

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
    const zones = layers[`zones:${state.zoning}`];
    zones.eachLayer((shape) => {
      const i = shape.place;
      shape.setStyle(style(byPlace.get(i)));
      shape.off("click").on("click", () => select(String(i), true));
      shape.unbindTooltip().bindTooltip(() => {
        const entry = byPlace.get(i);
        return el("div", { class: "tip" }, named(data.zones[state.zoning][i]),
          entry ? el("div", {}, `${word("page.share_short")} ${state.how === "straight" ? entry.sp : entry.p}`) : null);
      }, { sticky: true, opacity: 1 });
      siting.untabbed(shape);
    });
    layers.people.clearLayers();
    const spots = new Map(data.names[state.zoning].map((z) => [z.i, z.at]));
    for (const entry of [...entries().zones].sort((a, b) => out(b) - out(a))) {
      if (entry.i < 0 || !out(entry) || !entry.r) continue;
      circle(spots.get(entry.i), { pane: "people", radius: entry.r, color: "#fff", weight: 1.2, fillColor: colour("out"), fillOpacity: 0.72 },
        [named(nameOf(entry)), `${word("page.out")} ${count(out(entry))}`], () => select(String(entry.i), true)).addTo(layers.people);
    }
    if (layers.areas) {
      layers.areas.clearLayers();
      siting.polygons([measure.area], { pane: "areas", interactive: false, color: colour("area"), weight: 1.6, fillColor: colour("area-tint"), fillOpacity: 0.9 }).addTo(layers.areas);
    }
    siting.drawFacilities([measure.service], layers.sites);
    legend(measure.legends[state.zoning][state.how]);
    const shown = entries().zones;
    table = siting.table({
      caption: word("page.list"),
      columns: [
        { label: word("zone"), kind: "text", name: true },
        { label: word("page.share_short"), kind: "num", title: word(`page.share_${shareOf()}`) },
        { label: word("page.out"), kind: "num", first: "desc" },
        { label: "", kind: "text barcell", title: word("page.bar") },
      ],
      rows: shown.map((entry) => ({
        key: keyOf(entry),
        cells: [nameOf(entry), state.how === "straight" ? entry.sp : entry.p, count(out(entry)),
          entry.b.length ? bar(entry.b.map((n, k) => ({ share: n, kind: KINDS[k] })), word("page.bar")) : ""],
        sort: [nameOf(entry), share(entry), out(entry), share(entry)],
      })),
      sorted: [2, false],
      onPick: (key) => { select(key); panel.scrollTop = 0; },
    });
    fill(list, el("ul", { class: "key" }, KINDS.filter((kind) => measure.seats || kind !== "no-seat").map((kind) => el("li", { class: `key-${kind}` }, word(`page.part_${kind}`)))), table.element);
    if (state.zone !== null && !shown.some((e) => keyOf(e) === state.zone)) state.zone = null;
    select(state.zone);
  }

  drawControls();
  draw();
  if (layers.areas) layers.areas.on("add remove", draw);
};
