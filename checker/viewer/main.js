// Stepping, searching, links, keys: what ties the page together.

const slider = document.getElementById("slider");
const search = document.getElementById("search");
let matches = [];
let matchSet = new Set();

let round = 1; // of the loop of a run that goes on for ever

// Stepping goes from row to row: what is not shown is not stopped at. One step from the last row of a loop is its first row again.
function move(rows) {
  const end = shown.length - 1;
  if (lasso && rows === 1 && place[current] === end) return select(loopStart(), false, round + 1);
  if (round > 1 && rows === -1 && current === loopStart()) return select(shown[end], false, round - 1);
  goTo(shown[Math.max(0, Math.min(place[current] + rows, end))]);
}

// Within the loop one stays in the round in which one is.
function goTo(index) { select(index, false, isInLoop(index) ? round : 1); }

function isMatch(index) { return matchSet.has(index); }

function select(index, quietly, inRound = 1) {
  if (!steps.length) return;
  round = inRound;
  current = Math.max(0, Math.min(index, steps.length - 1));
  if (shown[place[current]] !== current) showNews(true);
  shownFrame = -1;
  slider.value = String(current + 1);
  slider.setAttribute("aria-valuetext", `step ${current + 1} of ${steps.length}`);
  document.getElementById("position").textContent = `${current + 1} of ${steps.length}` + (round > 1 ? `, round ${round}` : "");
  document.getElementById("first").disabled = document.getElementById("back").disabled = place[current] === 0;
  document.getElementById("last").disabled = place[current] === shown.length - 1;
  document.getElementById("forward").disabled = !lasso && place[current] === shown.length - 1;
  const state = stateAt(current);
  showRow(current);
  drawStep(current);
  drawSource(current, state);
  drawState(current, state);
  drawChoices(current);
  drawPath(current);
  drawGraph(current);
  if (!quietly) {
    const step = steps[current];
    const said = cellLines(current).map(([, text]) => text).join("; ");
    document.getElementById("live").textContent = `Step ${current + 1} of ${steps.length}${loopWords()}. ${taskName(step.task)}: ${said}`;
  }
  if (location.hash !== `#step=${current + 1}`) {
    try { history.replaceState(null, "", `#step=${current + 1}`); } catch { /* a page without an address of its own has none to change */ }
  }
}

function loopWords() {
  if (!isInLoop(current)) return "";
  return round > 1 ? `, round ${round} of the loop` : current === loopStart() ? ", where the loop begins" : ", in the loop";
}

function fromAddress() {
  const found = /^#step=(\d+)$/.exec(location.hash);
  return found ? Number(found[1]) - 1 : null;
}

function isSameTask(index) { return steps[index].task === steps[current].task && (withNews || !isNews(index)); }

function sameTask(direction) {
  for (let at = current + direction; at >= 0 && at < steps.length; at += direction) {
    if (isSameTask(at)) return goTo(at);
  }
  if (lasso && direction > 0) { // in the next round
    const again = steps.findIndex((step, at) => at >= lasso.first && isSameTask(at));
    if (again >= 0) select(again, false, round + 1);
  }
}

// --- search ---------------------------------------------------------------------------------------------------------

function find() {
  const wanted = search.value.trim().toLowerCase();
  matches = [];
  if (wanted) for (let index = 0; index < steps.length; index++) if (searchText(index).includes(wanted)) matches.push(index);
  matchSet = new Set(matches);
  tellMatches();
  drawRows();
}

function tellMatches() {
  const output = document.getElementById("matches");
  if (!search.value.trim()) output.textContent = "";
  else if (!matches.length) output.textContent = "no match";
  else output.textContent = isMatch(current) ? `${matches.indexOf(current) + 1} of ${matches.length}` : `${matches.length} found`;
}

function nextMatch(direction) {
  if (!matches.length) return;
  const after = direction > 0 ? matches.find((index) => index > current) : matches.findLast((index) => index < current);
  select(after !== undefined ? after : direction > 0 ? matches[0] : matches[matches.length - 1]);
  tellMatches();
}

// --- keys and buttons -----------------------------------------------------------------------------------------------

const keys = {
  ArrowRight: () => move(1), ArrowDown: () => move(1), j: () => move(1),
  ArrowLeft: () => move(-1), ArrowUp: () => move(-1), k: () => move(-1),
  PageDown: () => move(10), PageUp: () => move(-10),
  Home: () => move(-Infinity), End: () => move(Infinity),
  ".": () => sameTask(1), ",": () => sameTask(-1),
  p: toParting, r: toLoop, t: switchTheme, l: () => document.getElementById("news").click(), "?": () => document.getElementById("keys").showModal(),
  "/": () => { search.focus(); search.select(); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("keys").open) return;
  const inside = document.activeElement;
  if (inside === search) {
    if (event.key === "Enter") { nextMatch(event.shiftKey ? -1 : 1); event.preventDefault(); }
    else if (event.key === "Escape") { search.value = ""; find(); table.focus(); event.preventDefault(); }
    return;
  }
  const scrolls = inside && (inside.id === "source" || inside.id === "path" || inside.id === "graph") && /^(Arrow|Page|Home|End)/.test(event.key);
  const operates = inside === slider && /^(Arrow|Page|Home|End)/.test(event.key);
  const action = keys[event.key];
  if (action && !scrolls && !operates) { action(); event.preventDefault(); }
});

function toParting() { if (trace.parting) select(trace.parting.step - 1); }

function toLoop() { if (lasso) select(loopStart()); }

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

for (const [id, action] of Object.entries({
  first: keys.Home, back: keys.ArrowLeft, forward: keys.ArrowRight, last: keys.End,
  news: () => { showNews(!withNews); select(shown[place[current]], true, round); }, parting: toParting, round: toLoop, theme: switchTheme, help: () => document.getElementById("keys").showModal(),
})) document.getElementById(id).addEventListener("click", action);

slider.addEventListener("input", () => select(shown[place[Number(slider.value) - 1]]));
search.addEventListener("input", find);
table.addEventListener("scroll", drawRows, { passive: true });
let width = 0;
new ResizeObserver(() => {
  if (table.clientWidth !== width) { width = table.clientWidth; measure(); }
  drawRows();
}).observe(table);
loopBack.addEventListener("click", () => {
  select(loopStart(), false, round + 1);
  table.focus({ preventScroll: true });
});
rowsElement.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (!row) return;
  if (event.target.closest("a")) event.preventDefault();
  select(Number(row.id.slice(4)) - 1);
  table.focus({ preventScroll: true });
});
window.addEventListener("hashchange", () => {
  const wanted = fromAddress();
  if (wanted !== null && wanted !== current) select(wanted);
});

// --- begin ----------------------------------------------------------------------------------------------------------

document.querySelector("nav.bar").hidden = false;
document.querySelector("main").hidden = false;
document.getElementById("parting").hidden = !trace.parting;
document.getElementById("round").hidden = !lasso;
layOut();
width = table.clientWidth;
document.getElementById("news").hidden = !steps.some((step, index) => isNews(index));
drawOverview();
drawEnd();
const wanted = fromAddress();
select(wanted !== null ? wanted : trace.parting ? trace.parting.step - 1 : shown[shown.length - 1], true);
