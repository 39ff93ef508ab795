// The page of `ashlar report`: a manifest.
"use strict";

const layers = data.layers.map((layer, index) => ({...layer, index}));
const allMacs = layers.reduce((sum, layer) => sum + (layer.macs > 0 ? layer.macs : 0), 0);
const bytesText = bytes => bytes === undefined ? "" : bytes >= 1 << 20 ? (bytes / (1 << 20)).toFixed(1) + " MiB" :
  bytes >= 1024 ? (bytes / 1024).toFixed(1) + " KiB" : bytes + " B";
const shapeText = shape => "[" + shape.map(dim => dim === null ? "?" : dim).join(", ") + "]";
const multiplies = layer => layer.macs > 0 || /^nn\.(conv|matmul|depthwise|attention)/.test(layer.kernel || "");

const standsAlone = layer => layer.part_of === undefined && layer.kernel !== "folded";

// ---- what the model is ----

place("header").append(make("h1", {}, data.name, make("span", {class: "soft"}, " compiled from "), data.model));
const cards = make("div", {class: "cards"},
  card(String(layers.filter(standsAlone).length), "kernels for " + layers.length + " layers"), allMacs ? card(shortNumber(allMacs), "multiply-accumulates") : null,
  card(bytesText(data.weights.bytes), data.weights.embedded ? "weights, in the object" : "weights, in a file"));
const first = data.variants[0] || {};
if (first.workspace_bytes !== undefined)
  cards.append(card(bytesText(first.workspace_bytes), "workspace, and " + bytesText(first.workspace_bytes_per_worker) + " a worker"));
cards.append(card(data.variants.map(variant => variant.cpu).join(", "), data.variants.length === 1 ? "CPU" : "CPUs, best first"));
const share = precisionShare(layers);
if (share) cards.append(share);
place("header").append(cards, make("div", {class: "soft", style: "margin-top:8px"},
  `${data.producer} \u00b7 model ${data.model_sha256.slice(0, 16)}\u2026` +
  (data.calibration ? ` \u00b7 calibrated by ${data.calibration.file}, ${data.calibration.samples} samples` +
    (data.calibration.made_up ? " (made up)" : "") : "")));

// ---- where the multiplications are ----

const heavy = layers.filter(layer => layer.macs > 0);
if (heavy.length) {
  const bar = make("div", {class: "share", style: "width:100%;height:26px;margin-top:10px"});
  for (const layer of heavy)
    bar.append(make("i", {title: `${layer.name}: ${percent(layer.macs, allMacs)}, ${layer.precision || "?"}`,
      style: `width:${100 * layer.macs / allMacs}%;background:${precisionColour(layer.precision)};` +
        "border-right:1px solid var(--paper)"}));
  place("shares").append(make("h3", {}, "multiply-accumulates, layer by layer"), bar,
    make("span", {class: "legend"}, ...["int8", "bf16", "f32"].map(name =>
      make("span", {}, make("i", {style: `background:var(--${name})`}), name))));
} else {
  place("shares").hidden = true;
}

// ---- tables ----

const table = sortable([
  {head: "#", number: true, up: true, key: layer => layer.index, cell: layer => String(layer.index + 1)},
  {head: "layer", key: layer => layer.name, cell: layer => make("span", {title: layer.name},
    layer.name.length > 48 ? "\u2026" + layer.name.slice(-47) : layer.name)},
  {head: "operator", key: layer => layer.op, cell: layer => layer.op},
  {head: "kernel", key: layer => layer.kernel || "", cell: layer => layer.part_of === undefined ? layer.kernel || ""
    : make("span", {class: "soft"}, "within #" + (layer.part_of + 1))},
  {head: "ISA", key: layer => layer.isa || "", cell: layer => layer.part_of === undefined ? layer.isa || "" : ""},
  {head: "precision", key: layer => layer.precision || "", cell: layer => multiplies(layer) && layer.precision
    ? badge(layer.precision, precisionColour(layer.precision)) : ""},
  {head: "MACs", number: true, key: layer => layer.macs === undefined ? -1 : layer.macs, cell: layer => shortNumber(layer.macs)},
  {head: "share", number: true, key: layer => layer.macs === undefined ? -1 : layer.macs, cell: layer => layer.macs > 0
    ? make("span", {}, percent(layer.macs, allMacs) + " ", make("span", {class: "bar",
        style: `width:${Math.max(1, 60 * layer.macs / allMacs)}px;background:${precisionColour(layer.precision)}`})) : ""},
  {head: "weights", number: true, key: layer => layer.weight_bytes || 0, cell: layer => layer.weight_bytes ? bytesText(layer.weight_bytes) : ""},
  {head: "bytes", number: true, key: layer => layer.bytes || 0, cell: layer => layer.bytes ? bytesText(layer.bytes) : ""},
  {head: "why", wide: true, key: layer => layer.precision_reason || layer.fallback || "",
   cell: layer => [layer.precision_reason, layer.fallback].filter(text => text).join("; ")}
], layers);
place("table").append(table.element);
const rows = [...table.element.tBodies[0].rows];
function show() {
  table.filter(place("search").value);
  if (place("alone").checked)
    rows.forEach((row, i) => row.hidden = row.hidden || !standsAlone(layers[i]));
}
place("search").addEventListener("input", show);
place("alone").addEventListener("change", show);
show();

const reasons = new Map();
for (const layer of layers)
  for (const [kind, text] of [["precision", layer.precision_reason], ["kernel", layer.fallback]])
    if (text) {
      const entry = reasons.get(kind + text) || {kind, text, layers: 0, macs: 0};
      entry.layers += 1;
      entry.macs += layer.macs > 0 ? layer.macs : 0;
      reasons.set(kind + text, entry);
    }
place("reasons").append(sortable([
  {head: "about", key: reason => reason.kind, cell: reason => reason.kind},
  {head: "reason", wide: true, key: reason => reason.text, cell: reason => reason.text},
  {head: "layers", number: true, key: reason => reason.layers, cell: reason => String(reason.layers)},
  {head: "MACs", number: true, key: reason => reason.macs, cell: reason => reason.macs ? percent(reason.macs, allMacs) : ""}
], [...reasons.values()].sort((a, b) => b.macs - a.macs)).element);

const tensors = [...data.inputs.map(tensor => ({...tensor, kind: "input"})), ...data.outputs.map(tensor => ({...tensor, kind: "output"}))];
place("tensors").append(sortable([
  {head: "", key: tensor => tensor.kind, cell: tensor => tensor.kind},
  {head: "name", key: tensor => tensor.name, cell: tensor => tensor.name},
  {head: "in C", key: tensor => tensor.c_name, cell: tensor => tensor.c_name},
  {head: "type", key: tensor => tensor.dtype, cell: tensor => tensor.dtype},
  {head: "shape", key: tensor => shapeText(tensor.shape), cell: tensor => shapeText(tensor.shape)},
  {head: "quantization", key: tensor => tensor.scale || 0, cell: tensor => tensor.scale ? `${real(tensor.scale)} (q \u2212 ${tensor.zero_point})` : ""}
], tensors).element);

place("variants").append(sortable([
  {head: "CPU", key: variant => variant.cpu, cell: variant => variant.cpu},
  {head: "workspace", number: true, key: variant => variant.workspace_bytes || 0, cell: variant => bytesText(variant.workspace_bytes)},
  {head: "a worker", number: true, key: variant => variant.workspace_bytes_per_worker || 0,
   cell: variant => bytesText(variant.workspace_bytes_per_worker)}
], data.variants).element);
