// The one name a page adds to the browser: data, words, small makers of elements, and what all
// pages share. Text from data only ever becomes text nodes.
"use strict";

window.siting = (() => {
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const data = unpacked(JSON.parse(document.getElementById("siting-data").textContent));
  const leaflet = window.L ? window.L.noConflict() : undefined;
  delete window.L;
  delete window.leaflet;

  /** Read data written by maps.packed back: plain objects and lists. */
  function unpacked(value) {
    if (value === null || typeof value !== "object") return value;
    if (!Array.isArray(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unpacked(item)]));
    const [how, first, second] = value;
    if (how === 1) {
      const fields = second, columns = value.slice(3).map(unpacked);
      return Array.from({ length: first }, (_, row) => Object.fromEntries(fields.map((field, k) => [field, columns[k][row]])));
    }
    if (how === 2) return first.split("|");
    if (how === 3) {
      const different = unpacked(first);
      return Array.from(second, (at) => different[typeof at === "string" ? LETTERS.indexOf(at) : at]);
    }
    if (how === 4) {
      const items = unpacked(second);
      const lengths = Array.isArray(first) ? first : null;
      const lists = [];
      for (let at = 0, n = 0; lengths ? n < lengths.length : at < items.length; n++) {
        const long = lengths ? lengths[n] : first;
        lists.push(items.slice(at, at + long));
        at += long;
      }
      return lists;
    }
    return value.slice(1).map(unpacked);
  }

  /** Words of the page in its language, with {placeholders} filled. */
  function word(key, values = {}) {
    const entry = data.words[key];
    if (entry === undefined) throw new Error(`no words for ${key}`);
    return entry.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  }

  /** Make an element: el("td", {class: "num"}, "12", otherElement). */
  function el(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false && value !== null && value !== undefined) {
        element.setAttribute(name, value === true ? "" : value);
      }
    }
    fill(element, ...children);
    return element;
  }

  /** Replace what an element holds. */
  function fill(element, ...children) {
    element.replaceChildren(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== ""));
    return element;
  }

  /** A name from the data: kept apart from the direction of the text around it, cut by style only. */
  const named = (name) => el("bdi", { class: "name", title: name }, name);

  const MANY = 8; // choices that a row of buttons holds; more are a list to open

  /** A list to open, of which one is chosen; alike labels are told apart by what follows in the key. */
  function chooseOfMany(label, choices, chosen, onChoice) {
    const alike = (choice) => choices.filter((c) => c.label === choice.label).length > 1;
    const list = el("select", { "aria-label": label, onchange: () => onChoice(list.value) },
      choices.map((choice) => el("option", {
        value: choice.key, title: choice.hint, ...(choice.key === chosen ? { selected: "" } : {}),
      }, alike(choice) ? `${choice.label} · ${choice.key.split(" ")[1] || choice.key}` : choice.label)));
    return el("div", { class: "choose" }, el("span", { class: "choose-label" }, label), list);
  }

  /** A row of buttons of which one is chosen, or a list of many; choices are [{key, label, hint}]. */
  function choose(label, choices, chosen, onChoice) {
    if (choices.length > MANY) return chooseOfMany(label, choices, chosen, onChoice);
    const buttons = choices.map((choice) =>
      el("button", {
        type: "button", role: "radio", "aria-checked": String(choice.key === chosen),
        tabindex: choice.key === chosen ? "0" : "-1", title: choice.hint, "data-key": choice.key,
        onclick: () => pick(choice.key), onkeydown: (event) => move(event, choice.key),
      }, choice.label));
    function pick(key) {
      for (const button of buttons) {
        const on = button.dataset.key === key;
        button.setAttribute("aria-checked", String(on));
        button.tabIndex = on ? 0 : -1;
      }
      onChoice(key);
    }
    function move(event, key) {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const place = choices.findIndex((c) => c.key === key);
      const next = (place + step + choices.length) % choices.length;
      pick(choices[next].key);
      buttons[next].focus();
    }
    return el("div", { class: "choose", role: "radiogroup", "aria-label": label },
      el("span", { class: "choose-label" }, label), el("span", { class: "choose-buttons" }, buttons));
  }

  /** A bar of parts: [{share, kind}], shares of one whole. */
  function bar(parts, label) {
    const total = parts.reduce((sum, part) => sum + part.share, 0) || 1;
    let x = 0;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "bar");
    svg.setAttribute("viewBox", "0 0 1000 10");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    for (const part of parts) {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.setAttribute("class", `fill-${part.kind}`);
      rect.setAttribute("x", String(x));
      rect.setAttribute("width", String((1000 * part.share) / total));
      rect.setAttribute("height", "10");
      x += (1000 * part.share) / total;
      svg.append(rect);
    }
    return svg;
  }

  /** Read points written by maps.geometry.encode back: [[lat, lon], ...]. */
  function decode(encoded) {
    const points = [];
    let at = 0, lon = 0, lat = 0;
    const next = () => {
      let shift = 0, number = 0, byte;
      do {
        byte = encoded.charCodeAt(at++) - 63;
        number |= (byte & 0x1f) << shift;
        shift += 5;
      } while (byte >= 0x20);
      return number & 1 ? ~(number >> 1) : number >> 1;
    };
    while (at < encoded.length) {
      lon += next();
      lat += next();
      points.push([lat / 1e5, lon / 1e5]);
    }
    return points;
  }

  /** A whole number as text.count of the catalogue writes it. */
  const count = (number) => (number === null ? "—" : number.toLocaleString("en-US"));

  /** Draw the picked zone of a layer above the others. */
  function outline(layer, key) {
    layer.eachLayer((shape) => {
      const on = String(shape.place) === key;
      shape.setStyle({ weight: on ? 4 : 1, color: on ? "#111" : "#5b5b5b" });
      if (on) shape.bringToFront();
    });
  }

  /** Put the finding of a measure into the title of the page and of its window. */
  function headed(headline, finding) {
    headline.textContent = finding;
    headline.title = finding;
    document.title = finding;
  }

  return { data, word, count, el, fill, named, choose, outline, headed, bar, decode, leaflet, layers: {}, pages: {} };
})();
