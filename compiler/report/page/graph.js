// A graph in layers: each node below those that it reads.
"use strict";

const nodeWidth = 172, nodeHeight = 38, rankGap = 30, columnGap = 18, bendWidth = 10;

/**
 * Places nodes with `inputs` (indices). Edges over several ranks get bends. Returns {nodes: [{x, y}], edges: [{from, to,
 * points}], width, height}.
 */
function placeGraph(inputs) {
  const rank = [];
  inputs.forEach((list, i) => rank[i] = list.reduce((most, j) => Math.max(most, rank[j] + 1), 0));
  // A source stands right above its first reader.
  for (let i = inputs.length; i-- > 0;) {
    const readers = inputs.flatMap((list, j) => list.includes(i) ? [rank[j]] : []);
    if (!inputs[i].length && readers.length) rank[i] = Math.min(...readers) - 1;
  }
  const spots = inputs.map((_, i) => ({rank: rank[i], up: [], down: [], width: nodeWidth}));
  const edges = [];
  inputs.forEach((list, to) => list.forEach(from => {
    const way = [from];
    for (let r = rank[from] + 1; r < rank[to]; ++r) {
      spots.push({rank: r, up: [], down: [], width: bendWidth});
      way.push(spots.length - 1);
    }
    way.push(to);
    for (let k = 1; k < way.length; ++k) {
      spots[way[k]].up.push(way[k - 1]);
      spots[way[k - 1]].down.push(way[k]);
    }
    edges.push({from, to, way});
  }));
  const ranks = [];
  spots.forEach((spot, i) => (ranks[spot.rank] = ranks[spot.rank] || []).push(i));
  for (let r = 0; r < ranks.length; ++r) ranks[r] = ranks[r] || [];
  const order = [];
  const number = row => row.forEach((i, k) => order[i] = k);
  ranks.forEach(number);
  const middle = (i, side) => {
    const near = spots[i][side];
    return near.length ? near.reduce((sum, j) => sum + order[j], 0) / near.length : order[i];
  };
  // Fewer crossings: rows ordered by the mean place of what they join.
  for (let sweep = 0; sweep < 12; ++sweep) {
    const down = sweep % 2 === 0;
    for (const row of down ? ranks : [...ranks].reverse()) {
      const want = new Map(row.map(i => [i, middle(i, down ? "up" : "down")]));
      row.sort((a, b) => want.get(a) - want.get(b) || order[a] - order[b]);
      number(row);
    }
  }
  // Places: each as near as it can to the mean of its neighbours.
  const x = [];
  for (const row of ranks) {
    let at = 0;
    for (const i of row) { x[i] = at + spots[i].width / 2; at += spots[i].width + columnGap; }
    row.forEach(i => x[i] -= at / 2);
  }
  const settle = row => {
    const gap = (a, b) => (spots[a].width + spots[b].width) / 2 + columnGap;
    const want = row.map(i => {
      const near = [...spots[i].up, ...spots[i].down];
      return near.length ? near.reduce((sum, j) => sum + x[j], 0) / near.length : x[i];
    });
    const left = [...want], right = [...want];
    for (let k = 1; k < row.length; ++k) left[k] = Math.max(left[k], left[k - 1] + gap(row[k - 1], row[k]));
    for (let k = row.length - 1; k-- > 0;) right[k] = Math.min(right[k], right[k + 1] - gap(row[k], row[k + 1]));
    row.forEach((i, k) => x[i] = (left[k] + right[k]) / 2);
  };
  for (let pass = 0; pass < 16; ++pass) (pass % 2 ? [...ranks].reverse() : ranks).forEach(settle);
  const least = Math.min(...spots.map((spot, i) => x[i] - spot.width / 2), 0);
  const y = i => spots[i].rank * (nodeHeight + rankGap) + 12;
  const width = Math.max(...spots.map((spot, i) => x[i] - least + spot.width / 2), 0) + 24;
  return {
    nodes: inputs.map((_, i) => ({x: x[i] - least + 12, y: y(i)})),
    edges: edges.map(({from, to, way}) => ({from, to, points: way.map(i => [x[i] - least + 12, y(i)])})),
    width, height: ranks.length * (nodeHeight + rankGap) + 12
  };
}

function edgePath(points) {
  let [fromX, fromY] = points[0];
  fromY += nodeHeight;
  let path = `M${fromX},${fromY}`;
  points.slice(1).forEach(([x, y], k) => {
    const half = (y - fromY) / 2;
    path += `C${fromX},${fromY + half} ${x},${y - half} ${x},${y}`;
    [fromX, fromY] = [x, y];
    if (k + 2 < points.length) { path += `V${y + nodeHeight}`; fromY = y + nodeHeight; }
  });
  return path;
}

function shortText(text, most) {
  return text.length > most ? "\u2026" + text.slice(text.length - most + 1) : text;
}

/**
 * Draws into `parent`. `nodes`: {inputs, first, second, title}; `colour(i)`. Returns {recolour(), choose(i)}.
 */
function drawGraph(parent, nodes, colour, onChoose) {
  const layout = placeGraph(nodes.map(node => node.inputs));
  const svg = make("svg", {width: layout.width, height: layout.height, viewBox: `0 0 ${layout.width} ${layout.height}`});
  const paths = layout.edges.map(edge => {
    const path = make("path", {d: edgePath(edge.points)});
    svg.append(path);
    return {...edge, path};
  });
  const boxes = nodes.map((node, i) => {
    const {x, y} = layout.nodes[i];
    const box = make("g", {class: "node", transform: `translate(${x - nodeWidth / 2},${y})`},
      make("title", {}, node.title),
      make("rect", {width: nodeWidth, height: nodeHeight}),
      make("text", {x: 9, y: 16}, shortText(node.first, 25)),
      make("text", {x: 9, y: 30, class: "second"}, node.second));
    box.addEventListener("click", () => onChoose(i));
    svg.append(box);
    return box;
  });
  parent.replaceChildren(svg);
  const recolour = () => boxes.forEach((box, i) => box.querySelector("rect").setAttribute("fill", colour(i)));
  recolour();
  return {
    recolour,
    choose(chosen, follow) {
      boxes.forEach((box, i) => box.classList.toggle("chosen", i === chosen));
      for (const edge of paths) edge.path.classList.toggle("near", edge.from === chosen || edge.to === chosen);
      if (follow && boxes[chosen]) {
        const {x, y} = layout.nodes[chosen];
        parent.scrollTo({top: y - parent.clientHeight / 2, left: x - parent.clientWidth / 2, behavior: follow === "instant" ? "instant" : "smooth"});
      }
    }
  };
}
