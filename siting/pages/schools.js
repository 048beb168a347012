// Schools closed one by one: the ranking, and on the map where the children of one would go.
"use strict";

siting.pages.schools = ({ map, layers, legend, panel }) => {
  const { data, el, fill, named, word, choose, headed, circle, colour, leaflet: L } = siting;
  const state = { measure: data.measures[0], place: null };
  const headline = document.getElementById("headline");
  const principle = panel.querySelector(".principle");
  const detail = el("div", { class: "detail", "aria-live": "polite" });
  const list = el("div", { class: "list" });
  fill(panel,
    data.measures.length > 1 ? choose(word("service"), data.measures, state.measure.key, (key) => {
      state.measure = data.measures.find((m) => m.key === key);
      draw();
    }) : null, principle, detail, list);
  let table = null;
  let circles = [];

  const nameOf = (flow) => (flow.i >= 0 ? state.measure.rows[flow.i].name : flow.n || "—");
  const placeOf = (flow) => (flow.i >= 0 ? state.measure.rows[flow.i].at : flow.at);

  function drawFlows(school) {
    layers.flows.clearLayers();
    layers.picked.clearLayers();
    if (!school || !school.at) return;
    const most = Math.max(...school.to.map((f) => f.p), 1);
    for (const flow of school.to) {
      const to = placeOf(flow);
      if (!to) continue;
      const wide = 2 + 9 * Math.sqrt(flow.p / most);
      L.polyline([school.at, to], { pane: "flows", color: "#fff", weight: wide + 3, opacity: 0.9, interactive: false }).addTo(layers.flows);
      L.polyline([school.at, to], { pane: "flows", color: colour("flow"), weight: wide, opacity: 0.95, interactive: false }).addTo(layers.flows);
      const html = el("span", {}, named(nameOf(flow)), el("b", {}, `+${flow.persons}`));
      L.marker(to, { pane: "names", interactive: false, keyboard: false, icon: L.divIcon({ html, className: "flow-name", iconSize: [0, 0] }) }).addTo(layers.picked);
      circle(to, { pane: "picked", radius: 7, color: "#fff", weight: 2, fillColor: colour("flow"), fillOpacity: 1, interactive: false }).addTo(layers.picked);
    }
    circle(school.at, { pane: "picked", radius: 10, color: "#fff", weight: 3, fillColor: colour("chosen"), fillOpacity: 1, interactive: false }).addTo(layers.picked);
  }

  function drawDetail(school) {
    if (!school) {
      fill(detail, el("p", { class: "lead" }, word("page.hint")));
      return;
    }
    fill(detail,
      el("h2", {}, named(school.name), el("button", { type: "button", class: "back", onclick: () => select(null) }, word("page.back"))),
      el("div", { class: "pair" },
        el("div", { class: "big" }, el("strong", {}, school.displaced), el("span", {}, word("page.displaced"))),
        el("div", { class: `big ${school.raw.unserved > 0 ? "bad" : ""}` }, el("strong", {}, school.unserved), el("span", {}, word("page.unserved")))),
      el("table", { class: "figures" },
        el("thead", {}, el("tr", {}, el("td"), [word("page.before"), word("page.after")].map((h) => el("th", { scope: "col" }, h)))),
        el("tbody", {}, ["mean", "p95", "max"].map((name, k) => el("tr", {}, el("th", { scope: "row" }, word(`page.${name}`)), school.times[k].map((t) => el("td", { class: "num" }, t)))))),
      school.to.length ? el("table", { class: "figures" },
        el("thead", {}, el("tr", {}, [word("page.receiver"), word("persons"), word("page.after"), word("page.free")].map((h) => el("th", { scope: "col" }, h)))),
        el("tbody", {}, school.to.map((f) => el("tr", {}, el("th", { scope: "row" }, named(nameOf(f))), el("td", { class: "num" }, f.persons), el("td", { class: "num" }, f.after),
          el("td", { class: `num ${f.short ? "bad" : ""}` }, f.free))))) : el("p", { class: "warn" }, word("page.no_receiver")),
      el("p", {}, word("page.enrolment"), " ", el("b", {}, school.enrolment), " · ", word("page.short"), " ", el("b", {}, school.short), school.unknown ? `（${school.unknown}）` : ""),
      school.hits.length ? el("ul", { class: "hits" }, school.hits.map((h) => el("li", {}, h))) : el("p", { class: "ok" }, word("page.no_hit")));
  }

  function select(key) {
    const school = key === null ? null : state.measure.rows[Number(key)];
    state.place = key;
    circles.forEach((shape, k) => shape && shape.setStyle({ fillOpacity: school && String(k) !== key ? 0.25 : 0.75 }));
    drawFlows(school);
    drawDetail(school);
    table.pick(key, false);
    map.fire("moveend");
    if (school && school.at) {
      const around = [school.at, ...school.to.map(placeOf).filter(Boolean)];
      siting.fit(map, L.latLngBounds(around).pad(0.3));
      detail.scrollIntoView({ block: "nearest" });
    } else if (key === null) siting.fit(map);
  }

  function draw() {
    const { measure } = state;
    headed(headline, measure.finding);
    legend(measure.legend);
    layers.people.clearLayers();
    circles = measure.rows.map((school, k) => school.at && circle(school.at,
      { pane: "people", radius: school.r, color: "#fff", weight: 1.2, fillColor: colour(school.raw.unserved > 0 ? "out" : "calm"), fillOpacity: 0.75 },
      [named(school.name), `${word("page.displaced")} ${school.displaced}`, `${word("page.unserved")} ${school.unserved}`], () => select(String(k))));
    measure.rows.map((school, k) => [school.r, k]).sort((a, b) => b[0] - a[0]).forEach(([, k]) => circles[k] && circles[k].addTo(layers.people));
    table = siting.table({
      caption: `${measure.who}${word("page.stop")}${word("page.list")}`,
      columns: [
        { label: word("page.rank"), kind: "num" },
        { label: word("page.school"), kind: "text", name: true },
        { label: word("page.unserved_short"), kind: "num", first: "desc", title: word("page.unserved") },
        { label: word("page.displaced_short"), kind: "num", first: "desc", title: word("page.displaced") },
        { label: word("page.before_short"), kind: "num", title: word("page.before") },
        { label: word("page.after_short"), kind: "num", title: word("page.after") },
        { label: word("page.limits_short"), kind: "num", first: "desc", title: word("page.limits") },
        { label: word("page.short_short"), kind: "num", first: "desc", title: word("page.short") },
      ],
      rows: measure.rows.map((s, k) => ({
        key: String(k),
        cells: [String(s.rank), s.name, s.unserved, s.displaced, s.times[0][0], s.times[0][1], String(s.broken.length), s.short],
        sort: [s.rank, s.name, s.raw.unserved, s.raw.displaced, s.raw.before, s.raw.after, s.broken.length, s.raw.short],
        marks: [null, null, s.raw.unserved > 0 ? "bad" : null, null, null, null, s.broken.length ? "bad" : null, s.raw.short > 0 ? "bad" : null],
      })),
      sorted: [0, true],
      onPick: (key) => select(key),
    });
    fill(list, table.element);
    select(null);
  }
  draw();
};
