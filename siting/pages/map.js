// What the maps share: layers drawn from compact data, labels that do not overlap, legend, print.
"use strict";

(() => {
  const { data, el, fill, word, decode, leaflet: L } = window.siting;

  const ROADS = [ // by class, most important first: colour, width, from which zoom
    ["#6b6459", 3.2, 0], ["#6b6459", 2.6, 0], ["#847c70", 2.0, 0], ["#9b9488", 1.5, 0],
    ["#aca699", 1.1, 10], ["#b8b2a6", 0.9, 11], ["#c4bfb4", 0.8, 13],
  ];

  /** Polygons written by maps.geometry.polygons; each knows the place of its row. */
  siting.polygons = (written, options) => {
    const group = L.featureGroup();
    written.forEach((text, place) => {
      if (!text) return;
      const shape = L.polygon(text.split("\n").map((part) => part.split(" ").map(decode)), options);
      shape.place = place;
      group.addLayer(shape);
    });
    return group;
  };

  siting.layers.zones = (zoning) => siting.polygons(data.shapes[zoning], data.filled
    ? { color: "#5b5b5b", weight: 1, fillColor: "#e9e6df", fillOpacity: 0.9, smoothFactor: 0.5 }
    : { color: "#6d6d6d", weight: 1.2, fillColor: "#f7f5ef", fillOpacity: 1, smoothFactor: 0.5, interactive: false });

  siting.layers.water = () => siting.polygons(data.water,
    { pane: "water", color: "#8fb0c2", weight: 0.8, fillColor: "#d3e3ec", fillOpacity: 1, interactive: false });

  siting.layers.roads = () => {
    const renderer = L.canvas({ pane: "roads", padding: 0.3 });
    const group = L.layerGroup();
    const classes = data.roads.map((encoded, place) => {
      const [color, weight, zoom] = ROADS[place];
      const lines = encoded ? encoded.split(" ").map(decode) : [];
      return { zoom, line: L.polyline(lines, { renderer, pane: "roads", color, weight, interactive: false, smoothFactor: 1 }) };
    }).reverse();
    let map = null;
    const show = () => {
      for (const { zoom, line } of classes) {
        const due = map.getZoom() >= zoom;
        if (due && !group.hasLayer(line)) group.addLayer(line);
        else if (!due && group.hasLayer(line)) group.removeLayer(line);
        if (due) line.bringToFront(); // the important ones come last
      }
    };
    group.onAdd = function onAdd(on) {
      map = on;
      L.LayerGroup.prototype.onAdd.call(this, on);
      show();
      on.on("zoomend", show);
    };
    group.onRemove = function onRemove(from) {
      from.off("zoomend", show);
      L.LayerGroup.prototype.onRemove.call(this, from);
    };
    return group;
  };

  /** Boxes of the tags (.flow-name) that show; one that would cover an earlier one is hidden. */
  function tags(map) {
    const corner = map.getContainer().getBoundingClientRect();
    const taken = [];
    for (const tag of map.getContainer().querySelectorAll(".flow-name > span")) {
      const r = tag.getBoundingClientRect();
      const box = [r.left - corner.left, r.top - corner.top, r.right - corner.left, r.bottom - corner.top];
      const free = !taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1]);
      tag.style.visibility = free ? "" : "hidden";
      if (free) taken.push(box);
    }
    return taken;
  }

  /** Names of zones: the largest first; one that would cover a tag or another name is left out. */
  siting.layers.names = () => {
    const group = L.layerGroup();
    const ruler = document.createElement("canvas").getContext("2d");
    const short = (name) => (name.length > 14 ? `${[...name].slice(0, 13).join("")}…` : name);
    let map = null;
    const place = () => {
      group.clearLayers();
      const size = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.9;
      ruler.font = `600 ${size}px sans-serif`;
      const taken = tags(map);
      const extent = map.getSize();
      const zoning = siting.zoning || data.zonings[0].key;
      for (const { i, at } of data.names[zoning]) {
        const n = data.zones[zoning][i];
        const point = map.latLngToContainerPoint(at);
        const wide = ruler.measureText(short(n)).width * 1.08 + 6;
        const box = [point.x - wide / 2, point.y - size * 0.7, point.x + wide / 2, point.y + size * 0.7];
        if (box[2] < 0 || box[3] < 0 || box[0] > extent.x || box[1] > extent.y) continue;
        if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
        taken.push(box);
        const html = el("span", {}, el("bdi", {}, short(n)));
        L.marker(at, { pane: "names", interactive: false, keyboard: false,
          icon: L.divIcon({ html, className: "zone-name", iconSize: [0, 0] }) }).addTo(group);
      }
    };
    group.onAdd = function onAdd(on) {
      map = on;
      L.LayerGroup.prototype.onAdd.call(this, on);
      place();
      on.on("zoomend moveend resize", place);
    };
    group.onRemove = function onRemove(from) {
      from.off("zoomend moveend resize", place);
      L.LayerGroup.prototype.onRemove.call(this, from);
    };
    return group;
  };

  for (const kind of ["areas", "sites", "people", "flows", "picked"]) {
    siting.layers[kind] = () => L.layerGroup();
  }

  /** Squares of one side in metres, one colour a state; far faster than a polygon each. */
  siting.Squares = L.Layer.extend({
    initialize(points, side) {
      this._points = points;
      this._side = side;
      this._colour = () => null;
    },
    colour(of) {
      this._colour = of;
      if (this._map) this._draw();
    },
    onAdd(map) {
      this._canvas = L.DomUtil.create("canvas", "leaflet-zoom-hide", map.getPane("cells"));
      map.on("moveend zoomend resize", this._draw, this);
      this._draw();
    },
    onRemove(map) {
      map.off("moveend zoomend resize", this._draw, this);
      this._canvas.remove();
    },
    _draw() {
      const map = this._map, size = map.getSize(), canvas = this._canvas;
      const dense = window.devicePixelRatio || 1;
      canvas.width = size.x * dense;
      canvas.height = size.y * dense;
      canvas.style.width = `${size.x}px`;
      canvas.style.height = `${size.y}px`;
      L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
      const pen = canvas.getContext("2d");
      pen.scale(dense, dense);
      const centre = map.getCenter();
      const metre = 256 * 2 ** map.getZoom() / (40075016.7 * Math.cos((centre.lat * Math.PI) / 180));
      const side = Math.max(this._side * metre, 2.2);
      for (let i = 0; i < this._points.length; i++) {
        const colour = this._colour(i);
        if (!colour) continue;
        const at = map.latLngToContainerPoint(this._points[i]);
        if (at.x < -side || at.y < -side || at.x > size.x + side || at.y > size.y + side) continue;
        pen.fillStyle = colour;
        pen.fillRect(at.x - side / 2 - 0.5, at.y - side / 2 - 0.5, side * 1.02 + 1, side * 1.02 + 1);
      }
    },
  });

  /** A circle with a name that shows on hover and focus. */
  siting.circle = (at, options, lines, onPick) => {
    const circle = L.circleMarker(at, { bubblingMouseEvents: false, ...options });
    if (lines) circle.bindTooltip(() => el("div", { class: "tip" }, lines.map((l) => el("div", {}, l))), { direction: "top", opacity: 1 });
    if (onPick) circle.on("click", onPick);
    return siting.untabbed(circle);
  };

  /** Existing facilities of a service, in the order of the data: [{at, name}]. */
  siting.facilities = (service) => {
    const { at = "", names = [] } = data.facilities[service] || {};
    return decode(at).map((spot, k) => ({ at: spot, name: names[k] }));
  };

  /** Draw the facilities of some services in the place of those drawn before. */
  siting.drawFacilities = (services, layer) => {
    layer.clearLayers();
    for (const sites of services.map(siting.facilities)) {
      for (const { at, name } of sites) {
        siting.circle(at, { pane: "sites", radius: sites.length > 80 ? 3.2 : 5, color: "#fff", weight: 1.6, fillColor: css("site"), fillOpacity: 1 }, [siting.named(name)]).addTo(layer);
      }
    }
  };

  /** Shapes stay out of the tab order: hundreds would stand before the table that lists them. */
  siting.untabbed = (shape) => {
    const out = () => shape.getElement && shape.getElement() && shape.getElement().setAttribute("tabindex", "-1");
    shape.on("add", out);
    out();
    return shape;
  };

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  siting.colour = css;

  const NS = "http://www.w3.org/2000/svg";
  function svg(width, height, shapes) {
    const picture = document.createElementNS(NS, "svg");
    picture.setAttribute("width", width);
    picture.setAttribute("height", height);
    picture.setAttribute("aria-hidden", "true");
    for (const [tag, attributes] of shapes) {
      const shape = document.createElementNS(NS, tag);
      for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
      picture.append(shape);
    }
    return picture;
  }

  /** One line of the legend. kinds: fill, circle, line, dot, ring, square. */
  function symbol({ kind, colour, colours, label, size = 12, stroke }) {
    if (kind === "ramp") {
      const wide = 40;
      const picture = svg(wide * colours.length + 44, 36, colours.map((name, k) =>
        ["rect", { x: 14 + k * wide, y: 1, width: wide, height: 15, fill: css(name.slice(2)), stroke: "#777" }]));
      label.forEach((words, k) => {
        const mark = document.createElementNS(NS, "text");
        mark.setAttribute("x", 14 + k * wide);
        mark.setAttribute("y", 32);
        mark.setAttribute("text-anchor", "middle");
        mark.textContent = words;
        picture.append(mark);
      });
      return picture;
    }
    const paint = colour && colour.startsWith("--") ? css(colour.slice(2)) : colour;
    const edge = stroke ? css(stroke.slice(2)) : "#444";
    if (kind === "circle") {
      const d = Math.ceil(size * 2 + 3);
      return svg(d, d, [["circle", { cx: d / 2, cy: d / 2, r: size, fill: paint, "fill-opacity": 0.6, stroke: edge }]]);
    }
    if (kind === "dot") return svg(30, 18, [["circle", { cx: 15, cy: 9, r: size / 2, fill: paint, stroke: stroke ? edge : "#fff", "stroke-width": 2 }]]);
    if (kind === "ring") return svg(30, 18, [["circle", { cx: 15, cy: 9, r: size / 2, fill: "#fff", stroke: paint, "stroke-width": 2.5 }]]);
    if (kind === "line") return svg(30, 18, [["path", { d: "M1 9H29", stroke: paint, "stroke-width": size }]]);
    return svg(30, 18, [["rect", { x: 1, y: 1, width: 28, height: 16, fill: paint, stroke: "#777" }]]);
  }

  /** Draw the legend: {title, unit, items: [{kind, colour, label}], rule, source}. */
  siting.legend = (map) => {
    const box = el("details", { class: "legend", open: true, ontoggle: () => box.classList.toggle("shut", !box.open) });
    const Legend = L.Control.extend({
      onAdd() {
        L.DomEvent.disableClickPropagation(box);
        L.DomEvent.disableScrollPropagation(box);
        return box;
      },
    });
    new Legend({ position: "bottomleft" }).addTo(map);
    return (legend) => fill(box,
      el("summary", {}, word("legend")),
      el("div", { class: "legend-body" },
        legend.groups.map((group) => el("div", { class: "legend-group" },
          group.title ? el("div", { class: "legend-title" }, group.title) : null,
          el("ul", { class: group.flow ? "legend-flow" : "" }, group.items.map((item) => el("li", {}, symbol(item), item.kind === "ramp" ? null : el("span", {}, item.label)))))),
        el("div", { class: "legend-notes" }, legend.notes.map((note) => el("div", {}, note)))));
  };

  /** Show all of the region beside the legend: the legend stands where it costs the map least. */
  function fit(map, bounds = data.focus || data.bounds) {
    const box = map.getContainer().querySelector(".legend");
    const all = L.latLngBounds(bounds);
    const room = (strip) => {
      box.classList.toggle("strip", strip);
      box.style.maxWidth = strip ? `${map.getSize().x - 210}px` : "";
      box.style.maxHeight = strip ? "" : `${map.getSize().y - 150}px`;
      return strip ? L.point(16, box.offsetHeight + 24) : L.point(box.offsetWidth + 30, 16);
    };
    const zoom = (space) => map.getBoundsZoom(all, false, space);
    const strip = zoom(room(true)) >= zoom(room(false));
    const space = room(strip);
    map.fitBounds(all, { animate: false, ...(strip
      ? { paddingTopLeft: [8, 8], paddingBottomRight: [8, space.y - 8] }
      : { paddingTopLeft: [space.x - 8, 8], paddingBottomRight: [8, 8] }) });
  }

  function controls(map) {
    L.control.zoom({ position: "topleft", zoomInTitle: word("zoom_in"), zoomOutTitle: word("zoom_out") }).addTo(map);
    const Whole = L.Control.extend({
      onAdd() {
        const box = el("div", { class: "leaflet-bar" });
        const button = el("a", { href: "#", role: "button", title: word("zoom_all"), "aria-label": word("zoom_all"),
          onclick: (event) => { event.preventDefault(); fit(map, data.bounds); } }, "⤢");
        box.append(button);
        L.DomEvent.disableClickPropagation(box);
        return box;
      },
    });
    new Whole({ position: "topleft" }).addTo(map);
    L.control.scale({ position: "bottomright", imperial: false, maxWidth: 160 }).addTo(map);
    document.querySelector(".layerbar").append(map.getContainer().querySelector(".leaflet-control-layers"));
    if (map.attributionControl) map.attributionControl.setPrefix(false);
    map.getContainer().setAttribute("aria-label", word("map"));
  }

  /** Called by the last line of every page with a map. */
  siting.start = (page, map, layers) => {
    controls(map);
    map.invalidateSize({ animate: false });
    map.fitBounds(data.bounds, { animate: false });
    map.setMinZoom(Math.max(0, map.getZoom() - 2));
    siting.pages[page]({ map, layers, legend: siting.legend(map), panel: document.getElementById("panel") });
    fit(map);
    const methods = document.querySelector(".methods");
    let wasOpen = methods.open;
    window.addEventListener("beforeprint", () => {
      document.documentElement.classList.add("printing");
      wasOpen = methods.open;
      methods.open = true;
      map.invalidateSize({ animate: false });
      fit(map);
    });
    window.addEventListener("afterprint", () => {
      document.documentElement.classList.remove("printing");
      methods.open = wasOpen;
      map.invalidateSize({ animate: false });
      fit(map);
    });
    document.documentElement.dataset.ready = "true";
  };
  Object.assign(siting, { fit, NS });
})();
