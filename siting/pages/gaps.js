// Gaps: circles of people left without and the list beside them, most people first.
"use strict";

siting.pages.gaps = ({ map, layers, legend, panel }) => {
  const { data, el, fill, named, word, choose, count, headed, circle, colour } = siting;
  if (!data.measures.length) {
    legend({ groups: [], notes: [] });
    fill(panel, el("p", { class: "lead" }, word("page.none")));
    return;
  }
  const state = { measure: data.measures[0] };
  let spots = [];
  const headline = document.getElementById("headline");
  const lead = el("p", { class: "lead" });
  const road = el("p", { class: "quiet" });
  const list = el("div", { class: "list" });
  const shut = el("details", { class: "shut" });
  const rule = el("p", { class: "rule" });
  fill(panel, choose(word("service"), data.measures.map((m) => ({ key: m.key, label: m.label, hint: m.rule_text })),
    state.measure.key, (key) => { state.measure = data.measures.find((m) => m.key === key); draw(); }), lead, road, shut, list, rule);
  let table = null;
  let closing = null;
  let circles = new Map();

  function select(id, byHand) {
    for (const [key, shape] of circles) {
      const on = key === id;
      shape.setStyle({ color: on ? "#111" : "#fff", weight: on ? 4 : 1.2 });
      if (on) shape.bringToFront();
    }
    table.pick(id, false);
    const gap = spots[id];
    if (gap && byHand) map.setView(gap, Math.max(map.getZoom(), 14), { animate: false });
    if (gap) circles.get(id).openTooltip();
  }

  /** What is lost if each facility shuts alone. */
  function drawLosses() {
    const { losses, seats, service } = state.measure;
    const drawn = siting.facilities(service);
    const sites = losses.map((row) => (row.i < 0 ? { name: row.name } : drawn[row.i]));
    const [covered, lost] = seats ? ["seated", "unseated"] : ["covered", "lost"];
    shut.hidden = !losses.length;
    closing = siting.table({
      caption: word("page.losses_hint"),
      columns: [
        { label: word("page.facility"), kind: "text", name: true },
        { label: word(`page.${covered}`), kind: "num", first: "desc", title: word(`page.${covered}_long`) },
        { label: word(`page.${lost}`), kind: "num", first: "desc", title: word(`page.${lost}_long`) },
      ],
      rows: losses.map((row, k) => ({ key: String(k), cells: [sites[k].name, count(row.covered), count(row.lost)], sort: [sites[k].name, row.covered, row.lost] })),
      limit: 20,
      onPick: (id) => {
        const site = sites[id];
        closing.pick(id, false);
        if (site.at) map.setView(site.at, Math.max(map.getZoom(), 14), { animate: false });
      },
    });
    fill(shut, el("summary", {}, word("page.losses")), closing.element);
  }

  function draw() {
    const { measure } = state;
    headed(headline, measure.finding);
    fill(lead, measure.lead);
    fill(road, measure.road);
    fill(rule, word("rule"), " ", measure.rule, el("br"), measure.rule_text);
    layers.people.clearLayers();
    circles = new Map();
    spots = siting.decode(measure.at);
    measure.rows.forEach((gap, k) => {
      const id = String(k), radius = Math.max(data.circle * Math.sqrt(gap.p / measure.rows[0].p), 3);
      const shape = circle(spots[k], { pane: "people", radius, color: "#fff", weight: 1.2, fillColor: colour(gap.seatless ? "no-seat" : "out"), fillOpacity: 0.72 },
        [named(gap.zone), `${word("persons")} ${count(gap.p)}${gap.seatless ? ` · ${word("page.no_seat")}` : ""}`, `${word("page.nearest")} ${gap.near}`], () => select(id, false));
      circles.set(id, shape.addTo(layers.people));
    });
    siting.drawFacilities([measure.service], layers.sites);
    legend(measure.legend);
    table = siting.table({
      caption: word("page.list"),
      columns: [
        { label: word("page.place"), kind: "num" },
        { label: word("zone"), kind: "text", name: true },
        { label: word("persons"), kind: "num", first: "desc" },
        ...(measure.seats ? [{ label: word("page.no_seat"), kind: "num", first: "desc", title: word("page.no_seat_long") }] : []),
        { label: word("page.road"), kind: "num", first: "desc", title: word("page.road_long") },
        { label: word("page.nearest"), kind: "num", first: "desc" },
      ],
      rows: measure.rows.map((gap, k) => ({ key: String(k), cells: [String(k + 1), gap.zone, count(gap.p), ...(measure.seats ? [count(gap.seatless)] : []), count(gap.road), gap.near], sort: [k, gap.zone, gap.p, ...(measure.seats ? [gap.seatless] : []), gap.road, gap.m] })),
      onPick: (id) => select(id, true),
    });
    fill(list, measure.rows.length ? table.element : null);
    drawLosses();
  }
  draw();
};
