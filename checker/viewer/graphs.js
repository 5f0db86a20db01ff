// Drawings: the run at a glance, the choices along it with the ways not taken, who waits for whom at the end.

const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// --- the run at a glance: a line a task; a tick where it runs, a bar where it is woken and has not resumed -----------------------

function drawOverview() {
  const overview = document.getElementById("overview");
  const height = columns.length * 4;
  overview.setAttribute("viewBox", `0 0 ${Math.max(steps.length, 1)} ${height}`);
  columns.forEach((name, at) => {
    const y = at * 4 + 2;
    let runs = "", waits = "", strikes = "";
    steps.forEach((step, index) => {
      if ((step.task || LOOP) !== name) return;
      if (step.kind === "cancel") strikes += `M${index} ${y}h1`; else runs += `M${index} ${y}h1`;
    });
    for (const window of windows.get(name)) waits += `M${window.from + 1} ${y}H${Math.max(window.to, window.from + 1)}`;
    for (const [kind, path] of [["waits", waits], ["runs", runs], ["strikes", strikes]]) {
      if (path) overview.append(shape("path", { d: path, class: kind }));
    }
  });
  if (lasso) overview.prepend(shape("rect", { x: lasso.first, y: 0, width: steps.length - lasso.first, height, class: "round" }));
  if (trace.parting) overview.append(shape("path", { d: `M${trace.parting.step - 0.5} 0V${height}`, class: "parts" }));
}

// --- the choices along the run ----------------------------------------------------------------------------------------------------

const choicePoints = steps.map((step, index) => index).filter((index) => steps[index].options.length > 1);
const MOST_POINTS = 60, STEP_X = 34, MID = 44; // drawn at once; pixels between two; where the run's own line is

function drawPath(index) {
  const box = document.getElementById("path");
  if (!choicePoints.length) { box.replaceChildren(); return; }
  let at = choicePoints.findIndex((point) => point >= index);
  if (at < 0) at = choicePoints.length - 1;
  const from = Math.max(0, Math.min(at - MOST_POINTS / 2, choicePoints.length - MOST_POINTS));
  const shown = choicePoints.slice(from, from + MOST_POINTS);
  const most = Math.max(...shown.map((point) => steps[point].options.length));
  const height = MID + 18 * Math.min(most, 5) + 14, width = (shown.length + 1) * STEP_X + 40;
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.append(shape("title", {}, `The ${shown.length} choices along this run, with what else could have come`));
  svg.append(shape("path", { d: `M10 ${MID}H${width - 24}`, class: "own-line" }));
  shown.forEach((point, place) => {
    const step = steps[point], x = 24 + place * STEP_X;
    const group = shape("g", { class: point === index ? "point current" : "point" });
    const others = step.options.map((text, option) => [text, option]).filter(([, option]) => option !== step.chosen);
    others.slice(0, 5).forEach(([text, option], row) => {
      const passes = trace.parting && trace.parting.position === step.position && trace.parting.instead === text;
      const y = MID + 18 * (row + 1);
      const branch = shape("path", { d: `M${x} ${MID}Q${x + 2} ${y} ${x + 14} ${y}`, class: passes ? "branch passes" : "branch" });
      const dot = shape("circle", { cx: x + 16, cy: y, r: passes ? 4 : 2.5, class: passes ? "passes" : "other" });
      dot.append(shape("title", {}, passes ? `${text}: the nearest passing run` : text));
      group.append(branch, dot);
    });
    if (others.length > 5) group.append(shape("text", { x: x + 12, y: MID + 18 * 6, class: "more" }, `+${others.length - 5}`));
    const dot = shape("circle", { cx: x, cy: MID, r: point === index ? 6 : 4, class: step.chosen ? "chosen departs" : "chosen" });
    dot.append(shape("title", {}, `step ${point + 1}: ${step.options[step.chosen]}`));
    group.append(dot, shape("text", { x, y: MID - 14, class: "label" }, String(point + 1)));
    group.addEventListener("click", () => select(point));
    svg.append(group);
  });
  const end = width - 20;
  const mark = lasso ? ["round", "↻"] : trace.violation ? ["violated", "✘"] : ["", "✔"];
  svg.append(shape("text", { x: end, y: MID + 5, class: `end-mark ${mark[0]}` }, mark[1]));
  const first = shown.findIndex(isInLoop), back = 24 + first * STEP_X;
  if (first >= 0) svg.append(shape("path", { d: `M${end} ${MID - 10}C${end} 2 ${back} 2 ${back} ${MID - 24}`, class: "round" }));
  const goesOn = lasso ? " ↻: the loop, which can repeat for ever." : "";
  const caption = element("p", "quiet", `Filled: a departure from stock order. Below the line: what else could have come. Green: passes.${goesOn}`);
  box.replaceChildren(svg, caption);
  const hit = svg.querySelector(".current circle.chosen");
  if (hit) box.scrollLeft = Number(hit.getAttribute("cx")) - box.clientWidth / 2;
}

// --- all states of a small program ------------------------------------------------------------------------------------------------

const LAYER_X = 58, NODE_Y = 26;

// Layers by the longest way from the beginning, so that every edge goes on to the right; in a graph with circles by the shortest.
// Within a layer by where the neighbours stand.
function layers(graph) {
  const depth = new Array(graph.nodes.length).fill(-1);
  const after = graph.nodes.map(() => []), before = graph.nodes.map(() => []);
  for (const edge of graph.edges) { after[edge.source].push(edge.target); before[edge.target].push(edge.source); }
  depth[0] = 0;
  for (const queue = [0]; queue.length;) {
    const node = queue.shift();
    for (const next of after[node]) if (depth[next] < 0) { depth[next] = depth[node] + 1; queue.push(next); }
  }
  const open = before.map((sources) => sources.length), sorted = open.map((count, node) => (count ? -1 : node)).filter((node) => node >= 0);
  for (let at = 0; at < sorted.length; at++) for (const next of after[sorted[at]]) if (--open[next] === 0) sorted.push(next);
  if (sorted.length === graph.nodes.length) {
    for (const node of sorted) for (const next of after[node]) depth[next] = Math.max(depth[next], depth[node] + 1);
  }
  const deepest = Math.max(...depth);
  graph.nodes.forEach((what, node) => { if (what && depth[node] >= 0) depth[node] = Math.max(deepest, 1); }); // ends stand at the end
  const found = [];
  depth.forEach((layer, node) => { if (layer >= 0) (found[layer] ||= []).push(node); });
  const spot = new Map();
  for (let layer = 0; layer < found.length; layer++) found[layer] ||= [];
  const number = () => found.forEach((layer) => layer.forEach((node, at) => spot.set(node, at - (layer.length - 1) / 2)));
  number();
  for (let sweep = 0; sweep < 8; sweep++) {
    const near = sweep % 2 ? after : before;
    for (const layer of found) {
      const middle = (node) => (near[node].length ? near[node].reduce((sum, other) => sum + (spot.get(other) ?? 0), 0) / near[node].length : spot.get(node));
      layer.sort((a, b) => middle(a) - middle(b));
    }
    number();
  }
  return { depth, spot, deepest: found.length - 1, tallest: Math.max(...found.map((layer) => layer?.length || 0)) };
}

let graphPlan = null;

function drawGraph(index) {
  const graph = trace.graph;
  if (!graph) return;
  document.getElementById("graph-section").hidden = false;
  const plan = (graphPlan ||= layers(graph));
  const width = plan.deepest * LAYER_X + 60, height = Math.max(plan.tallest * NODE_Y, 60) + 24;
  const at = (node) => [24 + plan.depth[node] * LAYER_X, height / 2 + plan.spot.get(node) * NODE_Y];
  const svg = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.append(shape("title", {}, `All ${graph.nodes.length} states of the program, and the way of this run through them`));
  const passed = graph.path.filter(([after]) => after <= index + 1).length;
  const own = new Map(); // edge of the run → how far along it is
  for (let place = 1; place < graph.path.length; place++) own.set(`${graph.path[place - 1][1]} ${graph.path[place][1]}`, place);
  // Where the loop begins is the last state before its first step; what comes after that is the loop.
  const begun = lasso ? graph.path.findLastIndex(([after]) => after <= lasso.first) : graph.path.length;
  const labels = new Map(); // edges between the same two states are drawn once
  for (const edge of graph.edges) {
    const key = `${edge.source} ${edge.target}`;
    labels.set(key, [...(labels.get(key) || []), edge.label]);
  }
  const lines = [...labels].sort(([a], [b]) => own.has(a) - own.has(b)); // its way lies above the others
  for (const [key, texts] of lines) {
    const [source, target] = key.split(" ").map(Number);
    const [x1, y1] = at(source), [x2, y2] = at(target);
    const back = plan.depth[target] <= plan.depth[source];
    const d = source === target ? `M${x1 - 4} ${y1}C${x1 - 18} ${y1 - 24} ${x1 + 18} ${y1 - 24} ${x1 + 4} ${y1}`
      : back ? `M${x1} ${y1}C${x1} ${y1 + 26} ${x2} ${y2 + 26} ${x2} ${y2}`
      : `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`;
    const line = shape("path", { d, class: wayOf(own.get(key), passed, begun) });
    line.append(shape("title", {}, texts.join("\n")));
    svg.append(line);
  }
  const steps = new Map(graph.path.toReversed().map(([after, node]) => [node, after])); // a state that comes again: when it first came
  const here = graph.path[passed - 1][1];
  graph.nodes.forEach((what, node) => {
    if (plan.depth[node] < 0) return;
    const [x, y] = at(node);
    const kind = what === "" ? "state" : what === "done" || what === "cancelled" ? "state done" : "state violated";
    const dot = shape("circle", { cx: x, cy: y, r: node === here ? 7 : what ? 6 : 4, class: kind + (steps.has(node) ? " on-way" : "") + (node === here ? " current" : "") });
    dot.append(shape("title", {}, (what || "a state") + (steps.has(node) ? `, after step ${steps.get(node)}` : "")));
    if (steps.has(node)) dot.addEventListener("click", () => select(Math.max(steps.get(node) - 1, 0)));
    svg.append(dot);
    if (what) svg.append(shape("text", { x: x + 10, y: y + 4, class: kind }, what));
  });
  const box = document.getElementById("graph");
  const colours = lasso ? "Blue: the way of this run; purple: its loop, which can repeat for ever." : "Blue: the way of this run.";
  box.replaceChildren(svg, element("p", "quiet", `${colours} A point is a state in which there is a choice; red ones are violations, rings are ends.`));
  svg.setAttribute("width", String(width + 130));
  svg.setAttribute("viewBox", `0 0 ${width + 130} ${height}`);
}

function wayOf(place, passed, begun) { // how an edge is drawn: `place` is how far along the run it is
  if (place === undefined) return "other-way";
  const gone = place < passed || (place > begun && round > 1) ? " gone" : "";
  return `way${place > begun ? " round" : ""}${gone}`;
}

// --- who waits for whom at the end ------------------------------------------------------------------------------------------------

function drawEnd() {
  if (lasso) { // the page has the table of it
    document.getElementById("end-section").hidden = false;
    if (trace.deadlock.length > 1) document.getElementById("end").prepend(waitGraph());
    return;
  }
  if (!trace.violation || !trace.waits.length || !(trace.deadlock.length || trace.violation.property === "no-deadlock")) return;
  const rows = trace.waits.map((wait) => ({
    changed: trace.deadlock.includes(wait.task),
    cells: [wait.task, wait.what, wait.holders.join(", "), element("span", "quiet", wait.place)],
  }));
  const parts = [tableOf("Who waits for whom", ["task", "waits for", "which is held by", "at"], rows)];
  if (trace.deadlock.length > 1) parts.unshift(waitGraph());
  document.getElementById("end").replaceChildren(...parts);
  document.getElementById("end-section").hidden = false;
}

function waitGraph() {
  const members = trace.deadlock, size = 260, middle = size / 2, radius = 84;
  const svg = shape("svg", { width: size + 120, height: size, viewBox: `-60 0 ${size + 120} ${size}`, role: "img", class: "wait-graph" });
  svg.append(shape("title", {}, `A circle of waits: ${[...members, members[0]].join(" → ")}`));
  const marker = shape("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
  marker.append(shape("path", { d: "M0 0L8 4L0 8z", class: "arrow" }));
  const definitions = shape("defs", {});
  definitions.append(marker);
  svg.append(definitions);
  const spots = members.length * 2; // a task, what it waits for, the task that has it, …
  const spot = (at) => {
    const angle = (at / spots) * 2 * Math.PI - Math.PI / 2;
    return [middle + radius * Math.cos(angle), middle + radius * Math.sin(angle)];
  };
  for (let at = 0; at < spots; at++) { // an arc from each spot to the next, that leaves room for the names
    const a = ((at + 0.28) / spots) * 2 * Math.PI - Math.PI / 2, b = ((at + 0.72) / spots) * 2 * Math.PI - Math.PI / 2;
    const [x1, y1, x2, y2] = [a, b].flatMap((angle) => [middle + radius * Math.cos(angle), middle + radius * Math.sin(angle)]);
    svg.append(shape("path", { d: `M${x1} ${y1}A${radius} ${radius} 0 0 1 ${x2} ${y2}`, class: at % 2 ? "edge held" : "edge waits", "marker-end": "url(#arrow)" }));
    const am = ((at + 0.5) / spots) * 2 * Math.PI - Math.PI / 2;
    svg.append(shape("text", { x: middle + (radius + 10) * Math.cos(am), y: middle + (radius + 10) * Math.sin(am) + 3, class: "edge-label", "text-anchor": Math.cos(am) > 0 ? "start" : "end" }, at % 2 ? "held by" : "waits for"));
  }
  members.forEach((name, at) => {
    const wait = trace.waits.find((each) => each.task === name);
    for (const [text, where, kind] of [[name, at * 2, "task"], [wait ? wait.what : "?", at * 2 + 1, "thing"]]) {
      const [x, y] = spot(where);
      svg.append(shape("text", { x, y: y + 4, class: kind, "text-anchor": "middle" }, text));
    }
  });
  return svg;
}
