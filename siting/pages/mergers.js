// Mergers over years: programmes side by side, year by year, school by school, money against time.
"use strict";

siting.pages.mergers = ({ map, layers, legend, panel }) => {
  const { data, el, fill, named, word, count, choose, headed, circle, colour, decode, NS, leaflet: L } = siting;
  const FIRST = 12; // options of a unit that are listed before one asks for more
  const state = { programme: data.first, year: data.years.length - 1, view: "compare", school: null, option: null, by: 0, area: 0 };
  const headline = document.getElementById("headline");
  const principle = panel.querySelector(".principle");
  const view = el("div", { class: "view", "aria-live": "polite" });
  const list = el("div", { class: "list" });
  const homes = decode(data.homes.at);
  const now = () => data.programmes[state.programme];
  const nameOf = (place) => (place >= 0 ? data.schools[place].n : word("page.nearest"));
  const stateOf = (place) => now().states[state.year][place];
  const stateWord = (letter) => data.states[letter].label;
  const wayWord = (place) => word(`page.way_${data.ways[place]}`);
  const grades = (unit) => word("page.grades", { service: data.services[unit.v], a: unit.a, b: unit.b });
  const minutes = (value) => (value === null ? "—" : value.toFixed(1));
  const unknown = (value) => (value === null ? word("page.unknown") : count(value));
  const num = (text, bad) => el("td", { class: `num ${bad ? "bad" : ""}` }, text);
  const link = (place) => (place >= 0 ? el("button", { type: "button", class: "kind-pick", onclick: () => select(String(place)) }, named(nameOf(place))) : nameOf(place));
  /** A plain table; a heading stands as its column does. */
  const table = (caption, heads, rows) => el("table", { class: "figures" }, caption ? el("caption", {}, caption) : null,
    el("thead", {}, el("tr", {}, heads.map((h, k) => el("th", { scope: "col", class: rows.length && rows[0].cells[k].classList.contains("num") ? "num" : "text" }, h)))), el("tbody", {}, rows));
  const row = (head, ...cells) => el("tr", {}, el("th", { scope: "row" }, head), cells);
  const ruleLine = (rule) => [el("b", {}, rule.note), ` ${rule.text}`];
  let schools = null;
  let circles = [];

  const flows = () => now().flows.filter((f) => f.y === state.year);
  const from = (flow) => data.units[flow.u].s;

  // --- side by side

  function compare() {
    const { heads, lines } = data.compared;
    return [
      el("table", { class: "figures compare" }, el("caption", {}, word("page.compare_caption")),
        el("thead", {}, el("tr", {}, el("td"), heads.map((h) => el("th", { scope: "col" }, h.label, h.note ? el("small", {}, h.note) : null)))),
        el("tbody", {}, lines.map((line) => el("tr", { "data-row": line.key },
          el("th", { scope: "row" }, line.label, line.note ? el("small", {}, line.note) : null), line.cells.map((cell, k) => num(cell, line.bad[k])))))),
      data.programmes.filter((p) => p.asked_by.length).map((p) => el("div", { class: "asked" },
        el("h3", {}, word("page.asked_by", { programme: p.label })),
        el("ul", {}, p.asked_by.map((r) => el("li", {}, ruleLine(data.rules[r])))),
        p.unmet.length ? el("p", { class: "unmet" }, word("page.unmet"), " ", p.unmet.map((u) => [link(data.units[u.u].s), ` ${grades(data.units[u.u])}${word("page.because", { why: u.why, rule: data.rules[u.r].note })} `])) : null)),
      front(),
    ];
  }

  function svg(tag, attributes, text) {
    const shape = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    if (text !== undefined) shape.textContent = text;
    return shape;
  }

  /** Money to the right, children's time upwards: points with what each may have missed, and programmes. */
  function front() {
    if (!data.front) return null;
    const { areas, marks } = data.front;
    const { points } = areas[state.area];
    const wide = 620, high = 300, left = 100, low = 250, right = 596, top = 24;
    const range = (values) => { const a = Math.min(...values), b = Math.max(...values); return [a, b > a ? b : a + 1]; };
    const [x0, x1] = range([...points, ...marks].map((p) => p.x));
    const [y0, y1] = range([...points.flatMap((p) => [p.y, p.bound]), ...marks.map((m) => m.y)]);
    const x = (value) => left + 14 + ((right - left - 28) * (value - x0)) / (x1 - x0);
    const y = (value) => low - 12 - ((low - top - 24) * (value - y0)) / (y1 - y0);
    const chart = svg("svg", { class: "front", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": word("page.front") });
    chart.append(svg("path", { class: "axis", d: `M${left} ${top}V${low}H${right}` }),
      svg("text", { x: left, y: 14, "text-anchor": "start" }, word("page.front_y")),
      svg("text", { x: right, y: high - 8, "text-anchor": "end" }, word("page.front_x")));
    for (const value of [x0, x1]) chart.append(svg("text", { x: x(value), y: low + 18, "text-anchor": value === x0 ? "start" : "end" }, count(Math.round(value))));
    for (const value of [y0, y1]) chart.append(svg("text", { x: left - 8, y: y(value) + 5, "text-anchor": "end" }, count(Math.round(value))));
    chart.append(svg("path", { class: "curve", d: points.map((p, k) => `${k ? "L" : "M"}${x(p.x)} ${y(p.y)}`).join("") }));
    for (const p of points) {
      chart.append(svg("path", { class: "missed", d: `M${x(p.x)} ${y(p.y)}V${y(p.bound)}` }), svg("circle", { class: "point", cx: x(p.x), cy: y(p.y), r: 5 }));
    }
    marks.forEach((m, k) => chart.append(svg("circle", { class: "mark", cx: x(m.x), cy: y(m.y), r: 10 }),
      svg("text", { class: "letter", x: x(m.x), y: y(m.y) + 5, "text-anchor": "middle" }, String.fromCharCode(65 + k))));
    return el("div", { class: "front-box" }, el("h3", {}, word("page.front")), el("p", { class: "quiet" }, word("page.front_about")),
      areas.length > 1 ? choose(word("page.area"), areas.map((a, k) => ({ key: String(k), label: a.label })), String(state.area), (key) => { state.area = Number(key); drawView(); }) : null, chart,
      table("", ["", word("page.front_x"), word("page.front_y"), word("page.front_bound"), word("page.front_gap"), word("page.front_status")], [
        ...points.map((p, k) => row(String(k + 1), num(p.money), num(p.minutes), num(p.low), num(p.gap), el("td", {}, p.status))),
        ...marks.map((m, k) => row(el("b", {}, `${String.fromCharCode(65 + k)} ${m.label}`), num(m.money), num(m.minutes), num("—"), num("—"), el("td", {}, "—"))),
      ]));
  }

  // --- year by year

  function yearly() {
    const p = now(), figures = p.years[state.year];
    const done = p.done.filter((d) => d.y === state.year);
    const paid = p.done.filter((d) => d.paid === state.year);
    const persons = (d) => p.flows.filter((f) => f.y === state.year && f.u === d.u).reduce((sum, f) => sum + f.p, 0);
    const moves = done.filter((d) => d.u >= 0);
    const builds = done.filter((d) => d.u < 0);
    const places = p.places.filter((d) => d.y === state.year);
    const linked = p.linkage.filter((d) => d.y === state.year);
    return [
      el("h3", {}, word("page.happens", { year: data.years[state.year] })),
      moves.length || builds.length || paid.length ? null : el("p", { class: "quiet" }, word("page.nothing")),
      moves.length ? table("", [word("page.school"), word("page.who"), word("page.to"), word("page.way"), word("persons"), word("page.by_rule")], moves.map((d) => row(
        link(d.s), el("td", {}, grades(data.units[d.u]), d.what === "relocate" ? el("small", {}, word("page.relocates")) : null), el("td", {}, link(d.t)), el("td", {}, wayWord(d.w)), num(count(persons(d))),
        el("td", {}, d.rule >= 0 ? data.rules[d.rule].note : "—", against(d))))) : null,
      builds.length ? el("ul", { class: "builds" }, builds.map((d) => el("li", {}, link(d.s), " ", word(`page.${d.what}`, { seats: count(d.seats) })))) : null,
      paid.length ? el("ul", { class: "paid" }, paid.map((d) => el("li", {}, link(d.s), " ", word("page.paid", { cost: count(d.cost), seats: count(d.seats), year: data.years[d.y] })))) : null,
      table(word("page.ways_caption", { year: data.years[state.year] }), [word("page.by_way"), word("persons")], [
        ["stays", figures.stays], ["commutes", figures.commutes], ["boards", figures.boards], ["moves_home", figures.moves_home],
        ["by_bus", figures.by_bus], ["boarding", figures.boarding], ["not_known", figures.not_known],
      ].map(([name, n]) => row(word(`page.is_${name}`), num(count(n))))),
      table(word("page.money_caption", { year: data.years[state.year] }), ["", word("page.yuan")],
        ["running", "bus", "board_cost", "building"].map((name) => row(word(`page.cost_${name}`), num(count(figures[name]))))),
      places.length ? table(word("page.places_caption"), [word("page.receiver"), word("page.children_there"), word("page.came"), word("page.seats"), word("page.short"), word("page.classes")], places.map((d) => row(
        link(d.s), el("td", { class: "num" }, count(d.n), el("small", {}, data.services[d.v])), num(count(d.came)), num(unknown(d.seats)), num(unknown(d.short), d.short > 0), num(d.classes === null ? "—" : `${d.classes} / ${unknown(d.rooms)}`)))) : null,
      linked.length ? table(word("page.linkage_caption"), [word("page.zone"), word("page.linked_children"), word("page.linked_new"), word("page.adults"), word("page.seats_needed"), word("page.seats_built"), word("page.housing")], linked.map((d) => row(
        named(d.zone), num(count(d.children)), num(count(d.new_children)), num(count(d.accompanying_adults)), num(count(d.seats_needed)), num(count(d.seats_built), d.seats_built < d.seats_needed), num(unknown(d.housing_units))))) : null,
    ];
  }

  // --- one school

  /** Rules that refuse what a programme does all the same, such as a plan by its wording. */
  function against(move) {
    if (!move.against.length) return null;
    return el("small", { class: "bad" }, word("page.against", { rules: move.against.map((r) => data.rules[r].note).join(" ") }));
  }

  const optionsOf = (unit) => data.options.map((o, k) => [o, k]).filter(([o]) => o.u === unit);

  function dossier() {
    if (state.school === null) return el("p", { class: "lead" }, word("page.hint"));
    const place = Number(state.school), school = data.schools[place];
    const units = data.units.map((u, k) => [u, k]).filter(([u]) => u.s === place);
    const mine = flows().filter((f) => from(f) === place);
    const came = now().places.filter((d) => d.y === state.year && d.s === place);
    return [
      el("h2", {}, named(school.n), el("span", { class: "acts" },
        el("button", { type: "button", class: "back print", onclick: () => window.print() }, word("page.print")),
        el("button", { type: "button", class: "back", onclick: () => select(null) }, word("page.back")))),
      el("p", {}, [school.lv, `${word("page.in_programme", { programme: now().label, year: data.years[state.year] })}${stateWord(stateOf(place))}`].filter(Boolean).join(" · ")),
      mine.length ? el("ul", { class: "leaves" }, mine.map((f) => el("li", {}, word("page.leaves", { who: grades(data.units[f.u]), to: nameOf(f.t), way: wayWord(f.w), n: count(f.p) })))) : null,
      came.length ? el("ul", { class: "comes" }, came.map((d) => el("li", {}, word("page.comes", { service: data.services[d.v], n: count(d.came), all: count(d.n), seats: unknown(d.seats), short: unknown(d.short) })))) : null,
      el("div", { class: "steps-box" }, el("h3", {}, word("page.steps")), el("ul", {}, data.steps.map((s) => el("li", {}, s.text, el("small", {}, s.note))))),
      units.length ? units.map(([unit, k]) => unitPart(unit, k)) : el("p", {}, word("page.no_unit")),
    ];
  }

  function unitPart(unit, k) {
    const options = optionsOf(k);
    const box = el("div", { class: "unit", "data-unit": String(k) });
    let all = false;
    let open = options.some(([, at]) => at === state.option) ? state.option : (options[0] || [null, null])[1];
    function draw() {
      const listed = all ? options : options.slice(0, FIRST);
      const fine = options.filter(([o]) => o.ok).length;
      const least = Math.min(...unit.n), most = Math.max(...unit.n);
      fill(box,
        el("h3", {}, grades(unit)),
        el("p", { class: "quiet" }, word("page.unit_children", { n: least === most ? count(most) : `${count(least)}–${count(most)}`, from: data.years[0], to: data.years[data.years.length - 1] }),
          Math.max(...unit.lost) ? [" ", el("span", { class: "warn" }, word("page.lost", { n: count(Math.max(...unit.lost)) }))] : null),
        table(word("page.options_caption", { n: String(unit.ways), fine: String(fine) }), [word("page.receiver"), word("page.way"), word("page.mean_pair"), word("page.max_pair"), word("page.verdict")], listed.map(([o, at]) => el("tr", { class: at === open ? "on" : "", "data-option": String(at) },
          el("th", { scope: "row" }, el("button", { type: "button", class: "kind-pick", "aria-pressed": String(at === open), onclick: () => { open = at; state.option = at; draw(); drawFlows(); } }, named(nameOf(o.t)))),
          el("td", {}, wayWord(o.w)), num(`${minutes(o.min[0])} → ${minutes(o.min[3])}`), num(`${minutes(o.min[2])} → ${minutes(o.min[5])}`),
          el("td", { class: o.ok ? "ok" : "bad" }, o.ok ? word("page.allowed", { year: o.ok }) : word("page.refused"), o.ok ? null : el("small", {}, hardOf(at).map((h) => h.note).join(" "))))),
        ),
        options.length > listed.length ? el("p", { class: "more" }, el("button", { type: "button", onclick: () => { all = true; draw(); } }, word("page.more_options", { n: String(options.length - listed.length) }))) : null,
        unit.ways > options.length ? el("p", { class: "quiet" }, word("page.left_out", { n: String(unit.ways - options.length) })) : null,
        open === null ? null : optionPart(data.options[open], open));
    }
    draw();
    return box;
  }

  const hardOf = (at) => [...new Set(data.hits.filter((h) => h.o === at && h.hard).map((h) => h.r))].map((r) => data.rules[r]);

  function optionPart(o, at) {
    const hits = data.hits.filter((h) => h.o === at);
    const money = data.money.filter((m) => m.o === at);
    const later = data.years.slice(1);
    const years = (label, values, bad) => row(label, values.map((v) => num(unknown(v), bad && v > 0)));
    return el("div", { class: "option" },
      el("h3", {}, word("page.option", { to: nameOf(o.t), way: wayWord(o.w), year: data.years[o.y] })),
      table("", ["", word("page.before"), word("page.after")], ["mean", "p95", "max"].map((name, k) => row(word(`page.${name}`), num(minutes(o.min[k])), num(minutes(o.min[k + 3]))))),
      el("p", { class: "modes" }, ["all", "walk", "bus", "board", "move", "lost"].map((name, k) => (k === 0 || o.n[k] ? el("span", { "data-mode": name }, word(`page.mode_${name}`, { n: count(o.n[k]) })) : null)), word("page.person_min", { before: count(o.pm[0]), after: count(o.pm[1]) })),
      hits.length ? table(word("page.hits_caption"), [word("rule"), word("page.grade"), word("persons"), word("page.worst")], hits.map((h) => el("tr", { class: h.hard ? "hard" : "" },
        el("th", { scope: "row" }, ruleLine(data.rules[h.r]), el("small", {}, data.rules[h.r].strength)), num(h.g === null ? "—" : String(h.g)), num(count(h.p)), num(minutes(h.m))))) : el("p", { class: "ok" }, word("page.no_hit")),
      table(word("page.room_caption", { to: nameOf(o.t) }), ["", ...later], [
        years(word("page.seats_free"), o.sf), years(word("page.short"), o.ss, true),
        ...(o.bf.length ? [years(word("page.beds_free"), o.bf), years(word("page.beds_short"), o.bs, true)] : []),
        years(word("page.classes_needed", { rooms: unknown(o.rooms) }), o.cn),
        row(word("page.verdict"), [...o.st].map((letter) => el("td", { class: `num ${letter === "A" ? "ok" : "bad"}` }, word(letter === "A" ? "page.yes" : "page.no")))),
      ]),
      money.length ? table(word("page.option_money"), ["", word("page.quantity"), word("page.yuan")], money.map((m) => row(word(`page.item_${m.item}`), num(count(m.n)), num(unknown(m.yuan))))) : null);
  }

  // --- fairness

  function fairness() {
    const fair = now().fair;
    if (!fair) return el("p", { class: "quiet" }, word("page.no_fairness"));
    const group = fair.groups[Math.min(state.by, fair.groups.length - 1)];
    return [
      el("p", { class: "quiet" }, word("page.fair_about", { programme: now().label, year: data.years[data.years.length - 1] })),
      fair.places.length ? table(word("page.worst_caption"), [word("page.place"), word("persons"), word("page.added"), word("page.mean"), word("page.max")], fair.places.map((p) => row(
        p.at ? el("button", { type: "button", class: "kind-pick", onclick: () => look(p.at) }, named(p.zone ? `${p.zone} ${p.id}` : p.id)) : named(p.id), num(count(p.n)), num(p.added), num(p.mean), num(p.max)))) : el("p", { class: "ok" }, word("page.nobody_longer")),
      fair.more ? el("p", { class: "quiet" }, word("page.more_places", { n: String(fair.more) })) : null,
      choose(word("page.by"), fair.groups.map((g, k) => ({ key: String(k), label: g.label })), String(state.by), (key) => { state.by = Number(key); drawView(); }),
      table("", [group.label, word("persons"), word("page.moved"), word("page.boarding"), word("page.before"), word("page.after"), word("page.max"), word("page.added")], group.rows.map((g) => row(
        named(g.label), num(count(g.n)), num(count(g.moved)), num(count(g.boarding)), num(g.before), num(g.after), num(g.max), num(g.added, g.added.startsWith("+") && !g.added.startsWith("+0.0"))))),
      table(word("page.unequal"), ["", word("page.before"), word("page.after")], [row(word("page.gini"), fair.gini.map((v) => num(v))), row(word("page.palma"), fair.palma.map((v) => num(v)))]),
    ];
  }

  function look(at) {
    layers.picked.clearLayers();
    circle(at, { pane: "picked", radius: 10, color: "#fff", weight: 3, fillColor: colour("chosen"), fillOpacity: 1, interactive: false }).addTo(layers.picked);
    map.setView(at, Math.max(map.getZoom(), 12), { animate: false });
  }

  // --- map

  function line(a, b, wide, look) {
    L.polyline([a, b], { pane: "flows", color: "#fff", weight: wide + 2.5, opacity: 0.9, interactive: false }).addTo(layers.flows);
    L.polyline([a, b], { pane: "flows", weight: wide, opacity: 0.9, interactive: false, ...look }).addTo(layers.flows);
  }

  function drawFlows() {
    layers.flows.clearLayers();
    layers.people.clearLayers();
    layers.picked.clearLayers();
    const picked = state.school === null ? null : Number(state.school);
    const sums = new Map();
    for (const f of flows()) {
      if (picked !== null && from(f) !== picked && f.t !== picked) continue;
      const key = `${from(f)} ${f.t}`;
      sums.set(key, (sums.get(key) || 0) + f.p);
    }
    const most = Math.max(1, ...sums.values());
    for (const [key, persons] of sums) {
      const [a, b] = key.split(" ").map(Number);
      const ends = [data.schools[a].at, b >= 0 ? data.schools[b].at : null];
      if (!ends[0] || !ends[1] || !persons) continue;
      line(...ends, 1.5 + 7.5 * Math.sqrt(persons / most), { color: colour("flow") });
      if (picked !== null) tag(ends[a === picked ? 1 : 0], nameOf(a === picked ? b : a), `${a === picked ? "+" : "−"}${count(persons)}`);
    }
    if (picked === null) return;
    const { h, p } = data.homes.of[picked];
    const biggest = Math.max(1, ...p);
    h.forEach((place, k) => circle(homes[place], { pane: "people", radius: Math.max(2, 11 * Math.sqrt(p[k] / biggest)), color: "#fff", weight: 0.8, fillColor: colour("calm"), fillOpacity: 0.75, interactive: false }).addTo(layers.people));
    const school = data.schools[picked], option = state.option === null ? null : data.options[state.option];
    if (!school.at) return;
    if (option && state.view === "school" && option.t >= 0 && data.schools[option.t].at && !sums.has(`${picked} ${option.t}`)) {
      line(school.at, data.schools[option.t].at, 3, { color: colour("chosen"), dashArray: "2 7" });
      tag(data.schools[option.t].at, nameOf(option.t), "?");
    }
    circle(school.at, { pane: "picked", radius: 10, color: "#fff", weight: 3, fillColor: colour("chosen"), fillOpacity: 1, interactive: false }).addTo(layers.picked);
  }

  function tag(at, name, text) {
    L.marker(at, { pane: "names", interactive: false, keyboard: false, icon: L.divIcon({ html: el("span", {}, named(name), el("b", {}, text)), className: "flow-name", iconSize: [0, 0] }) }).addTo(layers.picked);
  }

  function drawSchools() {
    layers.sites.clearLayers();
    circles = data.schools.map((school, place) => {
      const letter = stateOf(place);
      if (!school.at || letter === "-") return null;
      const [tint, radius, filled] = data.states[letter].look;
      return circle(school.at, { pane: "sites", radius, color: filled ? "#fff" : colour(tint), weight: letter === "o" ? 1.5 : 3, fillColor: filled ? colour(tint) : "#fff", fillOpacity: 1 },
        [named(school.n), `${data.years[state.year]} · ${stateWord(letter)}`], () => select(String(place)));
    });
    const order = "orplcb";
    circles.map((shape, place) => [order.indexOf(stateOf(place)), shape]).sort((a, b) => a[0] - b[0]).forEach(([, shape]) => shape && shape.addTo(layers.sites));
  }

  // --- all of it

  function drawList() {
    const leaving = new Map(), coming = new Map();
    for (const f of flows()) leaving.set(from(f), (leaving.get(from(f)) || 0) + f.p);
    for (const d of now().places) if (d.y === state.year) coming.set(d.s, (coming.get(d.s) || 0) + d.came);
    const today = new Map();
    for (const unit of data.units) today.set(unit.s, (today.get(unit.s) || 0) + unit.n[0]);
    const rank = "clprbo";
    const listed = data.schools.map((s, place) => ({ s, place, letter: stateOf(place) })).filter((r) => r.letter !== "-");
    schools = siting.table({
      caption: word("page.list", { programme: now().label, year: data.years[state.year] }),
      columns: [
        { label: word("page.school"), kind: "text", name: true }, { label: word("page.level"), kind: "text" }, { label: word("page.state"), kind: "text" },
        { label: word("page.today"), kind: "num", first: "desc" }, { label: word("page.leaving"), kind: "num", first: "desc" }, { label: word("page.came"), kind: "num", first: "desc" },
      ],
      rows: listed.map(({ s, place, letter }) => ({
        key: String(place),
        cells: [s.n, s.lv, el("span", { class: `state state-${data.states[letter].key}` }, stateWord(letter)), count(today.get(place) || 0), count(leaving.get(place) || 0), count(coming.get(place) || 0)],
        sort: [s.n, s.lv, rank.indexOf(letter), today.get(place) || 0, leaving.get(place) || 0, coming.get(place) || 0],
      })),
      sorted: [2, true],
      onPick: (key) => select(key),
    });
    fill(list, schools.element);
    schools.pick(state.school, false);
  }

  function drawView() {
    document.body.classList.toggle("one-school", state.view === "school" && state.school !== null);
    fill(view, { compare, year: yearly, school: dossier, fair: fairness }[state.view]());
  }

  function select(key) {
    state.school = key;
    state.option = null;
    if (key !== null) {
      const units = data.units.map((u, k) => [u, k]).filter(([u]) => u.s === Number(key));
      const first = units.length ? optionsOf(units[units.length - 1][1])[0] : undefined;
      state.option = first ? first[1] : null;
      show("school");
    } else drawView();
    schools.pick(key, false);
    drawFlows();
    const school = key === null ? null : data.schools[Number(key)];
    if (school && school.at) {
      const around = flows().filter((f) => from(f) === Number(key) && f.t >= 0).map((f) => data.schools[f.t].at);
      const lived = data.homes.of[Number(key)].h.map((place) => homes[place]);
      siting.fit(map, L.latLngBounds([school.at, ...around, ...lived].filter(Boolean)).pad(0.4));
      panel.scrollTop = 0;
    } else siting.fit(map);
    map.fire("moveend");
  }

  function draw() {
    headed(headline, now().findings[state.year]);
    drawSchools();
    drawList();
    drawView();
    drawFlows();
    map.fire("moveend");
  }

  const tabs = el("div", { class: "tabs" });
  function show(name) {
    state.view = name;
    fill(tabs, choose(word("page.show"), ["compare", "year", "school", "fair"].map((key) => ({ key, label: word(`page.tab_${key}`) })), state.view, (key) => { show(key); drawFlows(); }));
    drawView();
  }

  legend(data.legend);
  const proofs = data.programmes.filter((p) => p.proof.length);
  fill(panel,
    el("div", { class: "head" },
      choose(word("page.programme"), data.programmes.map((p, k) => ({ key: String(k), label: p.label })), String(state.programme), (key) => { state.programme = Number(key); draw(); }),
      choose(word("page.year"), data.years.map((year, k) => ({ key: String(k), label: year })), String(state.year), (key) => { state.year = Number(key); draw(); }),
      tabs,
      proofs.map((p) => el("p", { class: `proof-line ${p.proved ? "proved" : ""}` }, el("b", {}, p.label), " ", p.proof.join(word("page.stop"))))),
    view, list, principle);
  show("compare");
  draw();
};
