// The table: a column a task, a row a step. Only the rows on the screen exist; a run may have thousands.
// Every line of a cell is one line of the screen, so that the height of a row is known without drawing it.

const LINE = 18, PAD = 7, GAP = 10, AHEAD = 400; // pixels: of a line, around a row, between columns, drawn beyond the screen
const table = document.getElementById("steps");
const head = document.getElementById("head");
const rowsElement = document.getElementById("rows");
const drawn = new Map(); // row → element
let current = -1; // the step that is selected
const characterWidth = (() => {
  const probe = document.createElement("span");
  probe.textContent = "0".repeat(100);
  probe.className = "unseen line";
  rowsElement.append(probe);
  const width = probe.scrollWidth / 100;
  probe.remove();
  return width || 7.3;
})();

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text; // text, never HTML: it comes from the program under test
  return made;
}

// A window's beginning is told in the column of the task that is woken.
function windowLines(name, index) {
  const window = windowAt(name, index), step = steps[index];
  if (!window || (step.kind === "cancel" && step.task === name)) return [];
  return window.texts.filter(([at]) => at === index).map(([, text]) => ["window", verifies ? text.replace(/[\w.]+(?:'s lock)?\.(?=\w+\(\)$)/, "") : text]);
}

// Below the last row of a run that goes on for ever: where it goes on. Who hears the page is told so with the step.
const loopBack = element("div", "loop-back");
if (lasso) {
  loopBack.textContent = `↻ goes on with step ${lasso.first + 1}, for ever`;
  loopBack.setAttribute("aria-hidden", "true");
  rowsElement.append(loopBack);
}

function loopStart() { return lasso ? shown.find((index) => index >= lasso.first) : undefined; } // its first step may not be shown

// Rows: the steps that are shown, where each begins, and for each step the row that it is in.
let withNews = false;
let shown = [], tops = [0], place = [];
let widths = [], shownColumns = columns;

function charactersIn(column) { return Math.max(8, Math.floor((widths[column] - 12) / characterWidth)); }

function fill() {
  shown = [];
  for (let index = 0; index < steps.length; index++) if (withNews || !isNews(index)) shown.push(index);
  const hasLoop = shown.some((index) => steps[index].task === "");
  shownColumns = columns.filter((name) => name !== LOOP || hasLoop);
}

function measure() {
  setWidths();
  place = new Array(steps.length).fill(0);
  tops = [0];
  shown.forEach((index, row) => {
    place[index] = row;
    const own = shownColumns.indexOf(steps[index].task || LOOP);
    let height = own < 0 ? 1 : wrapped(cellLines(index), charactersIn(own)).length;
    if (hasPrimitives) height = Math.max(height, wrapped(primitiveLines(index), charactersIn(shownColumns.length)).length);
    for (const wake of steps[index].wakes) {
      const column = shownColumns.indexOf(wake.task);
      if (column >= 0) height = Math.max(height, wrapped(windowLines(wake.task, index), charactersIn(column)).length);
    }
    tops.push(tops[row] + height * LINE + PAD);
  });
  for (let index = 1; index < steps.length; index++) if (isNews(index) && !withNews) place[index] = place[index - 1];
  rowsElement.style.height = `${tops[shown.length] + (lasso ? LINE + PAD : 0)}px`;
  if (lasso) loopBack.style.top = `${tops[shown.length]}px`;
  for (const row of drawn.values()) row.remove();
  drawn.clear();
}

// Break lines at blanks, as the table of a terminal does; a source line is only there to be recognised, and is cut.
function wrapped(lines, width) {
  const broken = [];
  for (const [kind, text] of lines) {
    const indent = /^ */.exec(text)[0];
    let rest = text;
    while (rest.length > width && kind !== "source") {
      const blank = rest.lastIndexOf(" ", width);
      const at = blank > indent.length ? blank : width;
      broken.push([kind, rest.slice(0, at), text]);
      rest = indent + rest.slice(at).trimStart();
    }
    broken.push([kind, rest, text]);
  }
  return broken;
}

function layOut() {
  fill();
  const titles = ["step", ...shownColumns.map((name) => (name === LOOP ? "loop" : name))];
  if (hasPrimitives) titles.push(trace.observed.length === 1 ? trace.observed[0] : "primitives");
  table.setAttribute("aria-rowcount", String(shown.length + 1));
  table.setAttribute("aria-colcount", String(titles.length));
  head.setAttribute("aria-rowindex", "1");
  head.replaceChildren(...titles.map((title, index) => {
    const cell = element("div", index === 0 ? "number" : shownColumns[index - 1] === LOOP ? "quiet" : "", title);
    cell.setAttribute("role", "columnheader");
    cell.title = title;
    return cell;
  }));
  measure();
}

// Rows are laid out one by one and must agree: so widths are in pixels, and the same for all.
function setWidths() {
  const number = Math.max(5, String(steps.length).length + 2) * 8 + (lasso ? 10 : 0);
  const least = shownColumns.map((name) => (name === LOOP ? 110 : isMinor(name) ? 120 : 150));
  if (hasPrimitives) least.push(140);
  const fixed = number + GAP * (least.length + 1);
  const spare = Math.max(0, table.clientWidth - fixed - least.reduce((sum, width) => sum + width, 0));
  const shares = least.map((width) => (width < 140 ? 0.4 : 1));
  const share = spare / shares.reduce((sum, each) => sum + each, 0);
  widths = least.map((width, at) => Math.floor(width + share * shares[at]));
  table.style.setProperty("--columns", [number, ...widths].map((width) => `${width}px`).join(" "));
  table.style.setProperty("--width", `${fixed + widths.reduce((sum, width) => sum + width, 0)}px`);
}

function isMinor(name) { return name === "main" && verifies; }

function lineElements(lines, column) {
  return wrapped(lines, charactersIn(column)).map(([kind, text, whole]) => {
    const line = element("span", `line ${kind}`, text);
    line.title = whole;
    return line;
  });
}

function rowElement(at) {
  const index = shown[at], step = steps[index];
  const row = element("div", "row");
  row.id = `row-${index + 1}`;
  row.setAttribute("role", "row");
  row.setAttribute("aria-rowindex", String(at + 2));
  row.style.top = `${tops[at]}px`;
  row.style.height = `${tops[at + 1] - tops[at]}px`;
  if (step.kind === "outside" || step.kind === "callback") row.classList.add("news");
  if (trace.parting && trace.parting.step === index + 1) row.classList.add("parting");
  if (isInLoop(index)) row.classList.add("in-loop");
  if (index === loopStart()) row.classList.add("loop-first");
  if (isInLoop(index) && at === shown.length - 1) row.classList.add("loop-last");
  if (at === shown.length - 1 && trace.violation) row.classList.add("violation");
  const number = element("div", "number");
  const link = element("a", "", String(index + 1));
  link.href = `#step=${index + 1}`;
  link.tabIndex = -1;
  link.setAttribute("aria-label", isInLoop(index) ? `Step ${index + 1}, in the loop` : `Step ${index + 1}`);
  number.append(link);
  number.setAttribute("role", "rowheader");
  row.append(number);
  shownColumns.forEach((name, column) => {
    const cell = element("div", "cell");
    cell.setAttribute("role", "gridcell");
    const own = name === (step.task || LOOP);
    if (own) {
      cell.classList.add("own");
      cell.append(...lineElements(cellLines(index), column));
    }
    if (name !== LOOP) {
      if (isAlive(name, index)) cell.classList.add("alive");
      if (windowAt(name, index)) {
        cell.classList.add("window");
        if (!own) cell.append(...lineElements(windowLines(name, index), column));
      }
    }
    row.append(cell);
  });
  if (hasPrimitives) {
    const cell = element("div", "cell");
    cell.setAttribute("role", "gridcell");
    cell.append(...lineElements(primitiveLines(index), shownColumns.length));
    row.append(cell);
  }
  return row;
}

function rowAt(y) { // the row that a position falls into
  let low = 0, high = shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (tops[middle + 1] <= y) low = middle + 1; else high = middle;
  }
  return Math.min(low, Math.max(shown.length - 1, 0));
}

function drawRows() {
  if (!shown.length) return;
  const from = rowAt(Math.max(0, table.scrollTop - AHEAD));
  const to = rowAt(table.scrollTop + table.clientHeight + AHEAD);
  for (const [at, row] of drawn) {
    if (at < from || at > to) { row.remove(); drawn.delete(at); }
  }
  let after = null; // rows stand in the order of steps, for those who hear them
  for (let at = to; at >= from; at--) {
    let row = drawn.get(at);
    if (!row) {
      row = rowElement(at);
      drawn.set(at, row);
      rowsElement.insertBefore(row, after);
    }
    markRow(row, shown[at]);
    after = row;
  }
}

function markRow(row, index) {
  row.classList.toggle("current", index === current);
  row.setAttribute("aria-selected", String(index === current));
  row.classList.toggle("match", isMatch(index));
}

function showRow(index) {
  const at = place[index], top = tops[at], bottom = tops[at + 1];
  const view = table.clientHeight - head.offsetHeight;
  if (top < table.scrollTop + LINE) table.scrollTop = Math.max(0, top - view / 4);
  else if (bottom > table.scrollTop + view - LINE) table.scrollTop = bottom - (view * 3) / 4;
  drawRows();
  table.setAttribute("aria-activedescendant", `row-${index + 1}`);
}

function showNews(wanted) {
  withNews = wanted;
  document.getElementById("news").setAttribute("aria-pressed", String(withNews));
  layOut();
}
