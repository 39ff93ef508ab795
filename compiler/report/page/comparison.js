// The page of `ashlar compare`.
"use strict";

const layers = data.layers.map((layer, index) => ({...layer, index}));
const gradeOf = sqnr => sqnr >= 30 ? "good" : sqnr >= 20 ? "fine" : sqnr >= 10 ? "amber" : "red";
/** Decibels; JSON has no infinity. */
const decibels = error => !error ? undefined : error.exact ? Infinity : error.sqnr_db === null ? -Infinity : error.sqnr_db;
const decibelText = value => value === undefined ? "" : Number.isFinite(value) ? value.toFixed(1) : value > 0 ? "exact" : "\u2212\u221e";
const gradeColour = error => error ? `var(--${gradeOf(decibels(error))})` : "var(--none)";

document.title = "Comparison: " + data.test;
const header = place("header");
header.append(make("h1", {title: data.reference + " against " + data.test}, shortPath(data.reference),
  make("span", {class: "soft"}, " against "), data.test === data.reference ? "itself, as the options say" : shortPath(data.test)));
const cards = make("div", {class: "cards"}, card(String(data.samples), data.samples === 1 ? "sample" : "samples"));
for (const output of data.outputs) {
  const value = decibels(output);
  cards.append(card(decibelText(value) + (Number.isFinite(value) ? " dB" : ""), "output " + output.name +
    ", cosine " + (output.cosine === null ? "none" : output.cosine.toFixed(5)), badge(output.grade, gradeColour(output))));
}
if (layers.length) {
  const worst = layers.filter(layer => layer.local).sort((a, b) => decibels(a.local) - decibels(b.local))[0];
  if (worst) cards.append(card(decibelText(decibels(worst.local)) + " dB", "worst on its own: " + shortText(worst.layer, 32)));
  const share = precisionShare(layers);
  if (share) cards.append(share);
}
header.append(cards, ...data.notes.map(note => make("div", {class: "note"}, note)));

// ---- the table ----

const error = key => ({
  number: true, up: true, key: layer => decibels(layer[key]),
  cell: layer => layer[key] ? make("span", {}, decibelText(decibels(layer[key])) + " ",
    badge(layer[key].grade, gradeColour(layer[key]))) : ""
});
const table = sortable([
  {head: "#", number: true, up: true, key: layer => layer.index, cell: layer => String(layer.index + 1)},
  {head: "layer", key: layer => layer.layer, cell: layer => shortText(layer.layer, 44)},
  {head: "operators", key: layer => layer.operators, cell: layer => shortText(layer.operators, 24)},
  {head: "precision", key: layer => layer.precision,
   cell: layer => layer.precision ? badge(layer.precision, precisionColour(layer.precision)) : ""},
  {head: "SQNR dB", ...error("accumulated")},
  {head: "local dB", ...error("local")},
  {head: "cosine", number: true, up: true, key: layer => layer.accumulated.cosine,
   cell: layer => layer.accumulated.cosine === null ? "" : layer.accumulated.cosine.toFixed(5)},
  {head: "max abs", number: true, key: layer => layer.accumulated.max_abs, cell: layer => real(layer.accumulated.max_abs)},
  {head: "MACs", number: true, key: layer => layer.macs === undefined ? -1 : layer.macs, cell: layer => shortNumber(layer.macs)}
], layers, layer => choose(layer.index, true));
place("table").append(table.element);
place("search").addEventListener("input", event => table.filter(event.target.value));

// ---- the graph ----

const colouring = place("colouring");
const graph = drawGraph(place("graph"), layers.map(layer => ({
  inputs: layer.inputs, first: layer.layer,
  second: [shortText(layer.operators, 14), layer.precision, decibelText(decibels(layer.accumulated)) + " dB"]
    .filter(word => word).join(" \u00b7 "),
  title: `${layer.layer}\n${layer.operators}\naccumulated ${decibelText(decibels(layer.accumulated))} dB` +
    (layer.local ? `, local ${decibelText(decibels(layer.local))} dB` : "")
})), i => colouring.value === "precision" ? precisionColour(layers[i].precision) : gradeColour(layers[i][colouring.value]),
  i => choose(i, false));
colouring.addEventListener("change", () => { graph.recolour(); legend(); });

function legend() {
  const entries = colouring.value === "precision"
    ? [["int8", "int8"], ["bf16", "bf16"], ["f32", "f32"], ["none", "does not multiply"]]
    : [["good", "30 dB or more"], ["fine", "20 to 30"], ["amber", "10 to 20"], ["red", "less"]];
  place("legend").replaceChildren(...entries.map(([name, text]) =>
    make("span", {}, make("i", {style: `background:var(--${name})`}), text)));
}
legend();

// ---- one layer ----

/** Counts on a logarithmic scale, with the range that eight bits can tell. */
function drawHistogram(layer) {
  const {start, width, counts} = layer.histogram, wide = 460, high = 130, floor = 108;
  const range = layer.range || [];
  const low = Math.min(start, ...range), end = Math.max(start + width * counts.length, ...range);
  const x = value => 4 + (value - low) / (end - low) * (wide - 8);
  const most = Math.log1p(Math.max(...counts));
  const svg = make("svg", {class: "histogram", width: "100%", viewBox: `0 0 ${wide} ${high}`});
  let outside = 0, all = 0;
  counts.forEach((count, i) => {
    const from = start + i * width, out = range.length && (from + width / 2 < range[0] || from + width / 2 > range[1]);
    all += count;
    if (out) outside += count;
    if (!count) return;
    const height = Math.max(1, Math.log1p(count) / most * (floor - 8));
    svg.append(make("rect", {x: x(from), y: floor - height, width: Math.max(.8, x(from + width) - x(from) - .4), height,
      fill: out ? "var(--red)" : "var(--accent)", opacity: .8}, make("title", {}, `${real(from)} to ${real(from + width)}: ${count}`)));
  });
  svg.append(make("line", {x1: 4, x2: wide - 4, y1: floor, y2: floor, stroke: "var(--line)"}));
  const marks = range.length ? range : [low, end];
  marks.forEach((value, k) => {
    if (range.length)
      svg.append(make("line", {x1: x(value), x2: x(value), y1: 2, y2: floor + 4, stroke: "var(--ink)",
        "stroke-width": 1.5, "stroke-dasharray": "4 3"}));
    const at = Math.min(Math.max(x(value), 22), wide - 26);
    svg.append(make("text", {x: at, y: floor + 16, "text-anchor": "middle"}, real(value)));
  });
  const words = range.length
    ? `range ${real(range[0])} to ${real(range[1])}, step ${real((range[1] - range[0]) / 255)}; ` +
      (outside ? percent(outside, all) + " of the values outside" : "no values outside")
    : "not quantized here";
  return make("div", {}, svg, make("div", {class: "soft"}, words));
}

function describe(layer) {
  const figures = make("table", {}, make("tr", {}, make("th"), make("th", {class: "number"}, "accumulated"),
    make("th", {class: "number"}, "local")));
  const line = (name, text) => figures.append(make("tr", {}, make("td", {class: "soft"}, name),
    make("td", {class: "number"}, text(layer.accumulated)), make("td", {class: "number"}, layer.local ? text(layer.local) : "")));
  line("SQNR", e => make("span", {}, decibelText(decibels(e)) + " ", badge(e.grade, gradeColour(e))));
  line("cosine", e => e.cosine === null ? "" : e.cosine.toFixed(6));
  line("max abs", e => real(e.max_abs));
  line("mean squared", e => real(e.mean_squared_error));
  const worst = make("div");
  for (const channel of (layer.accumulated.worst_channels || []).slice(0, 6)) {
    const value = channel.sqnr_db === null ? -Infinity : channel.sqnr_db;
    worst.append(make("div", {}, make("span", {class: "soft"}, `channel ${channel.channel}  `),
      decibelText(value) + " dB ", make("span", {class: "bar", style: `width:${Math.max(2, Math.min(120, 2.4 * value))}px;` +
        `background:var(--${gradeOf(value)})`})));
  }
  place("details").replaceChildren(
    make("h2", {}, layer.layer, " ", layer.precision ? badge(layer.precision, precisionColour(layer.precision)) : ""),
    make("div", {class: "soft"}, `${layer.operators} \u00b7 tensor ${layer.tensor} [${layer.shape.join(", ")}]` +
      (layer.macs > 0 ? ` \u00b7 ${shortNumber(layer.macs)} MACs` : "") + (layer.reason ? ` \u00b7 ${layer.reason}` : "")),
    make("div", {class: "pair"},
      make("div", {}, make("h3", {}, "error"), figures, worst.childElementCount ? make("h3", {}, "worst channels") : "", worst),
      make("div", {}, make("h3", {}, "values of the reference, logarithmic"),
        layer.histogram ? drawHistogram(layer) : make("div", {class: "soft"}, "none seen"))));
}

function choose(index, follow) {
  describe(layers[index]);
  table.choose(layers[index]);
  graph.choose(index, follow);
}

if (layers.length) {
  const first = layers.find(layer => ["amber", "red"].includes(layer.accumulated.grade)) || layers[layers.length - 1];
  choose(first.index, "instant");
} else {
  document.querySelector(".columns").hidden = true;
}
