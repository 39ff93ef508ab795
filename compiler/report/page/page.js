// Shared by all pages: elements, numbers, tables that sort.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

/** make("td", {class: "number"}, "text", child...) */
function make(tag, attributes, ...children) {
  const svg = ["svg", "g", "rect", "path", "text", "line", "title"].includes(tag);
  const element = svg ? document.createElementNS("http:" + "//www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {}))
    if (value !== undefined && value !== null) element.setAttribute(key, value);
  for (const child of children)
    if (child !== undefined && child !== null) element.append(child);
  return element;
}

const place = id => document.getElementById(id);

function shortNumber(value) {
  if (value === undefined || value === null || value < 0) return "";
  for (const [unit, size] of [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (value >= size) return (value / size).toPrecision(3) + " " + unit;
  return String(value);
}

function real(value) {
  if (value === undefined || value === null) return "";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** The last parts of a path. */
const shortPath = path => path.split("/").slice(-2).join("/");

const percent = (part, all) => all > 0 ? (100 * part / all).toFixed(1) + " %" : "";

function card(value, caption, ...more) {
  return make("div", {class: "card"}, make("b", {}, value, ...more), make("span", {}, caption));
}

const precisionColour = p => ["int8", "bf16", "f32"].includes(p) ? `var(--${p})` : "var(--none)";
const badge = (text, colour) => make("span", {class: "badge", style: "background:" + colour}, text);

/** How much each precision has of all multiplications. */
function precisionShare(layers) {
  const macs = new Map();
  let all = 0;
  for (const layer of layers)
    if (layer.precision && layer.macs > 0) {
      macs.set(layer.precision, (macs.get(layer.precision) || 0) + layer.macs);
      all += layer.macs;
    }
  const bar = make("div", {class: "share"});
  const words = [];
  for (const [precision, count] of [...macs].sort((a, b) => b[1] - a[1])) {
    bar.append(make("i", {style: `width:${100 * count / all}%;background:${precisionColour(precision)}`}));
    words.push(precision + " " + percent(count, all));
  }
  return all ? make("div", {class: "card"}, bar, make("span", {}, "multiplications: " + words.join(", "))) : null;
}

/**
 * A table that sorts by its heads. Columns: {head, number, wide, key: row => value to sort by, cell: row => what is shown}.
 * Returns {element, filter(text), choose(row)}.
 */
function sortable(columns, rows, onChoose) {
  const head = make("tr"), body = make("tbody");
  const lines = rows.map(row => {
    const line = make("tr");
    for (const column of columns)
      line.append(make("td", {class: column.number ? "number" : column.wide ? "wide" : null}, column.cell(row)));
    if (onChoose) line.addEventListener("click", () => onChoose(row));
    return {row, line, text: line.textContent.toLowerCase()};
  });
  const show = order => body.replaceChildren(...order.map(entry => entry.line));
  columns.forEach(column => {
    const cell = make("th", {class: column.number ? "number" : null}, column.head);
    cell.addEventListener("click", () => {
      const up = cell.classList.contains("sorted") ? !cell.classList.contains("up") : !column.number || column.up;
      for (const other of head.children) other.classList.remove("sorted", "up");
      cell.classList.add("sorted");
      cell.classList.toggle("up", up);
      const sign = up ? 1 : -1;
      show([...lines].sort((a, b) => {
        const x = column.key(a.row), y = column.key(b.row);
        if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
        return sign * (x < y ? -1 : x > y ? 1 : 0);
      }));
    });
    head.append(cell);
  });
  show(lines);
  return {
    element: make("table", {}, make("thead", {}, head), body),
    filter(text) {
      for (const entry of lines) entry.line.hidden = !entry.text.includes(text.toLowerCase());
    },
    choose(row) {
      for (const entry of lines) {
        entry.line.classList.toggle("chosen", entry.row === row);
        if (entry.row === row) entry.line.scrollIntoView({block: "nearest"});
      }
    }
  };
}
