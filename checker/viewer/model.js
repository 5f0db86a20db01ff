// The trace, and what follows from it: columns, what each row says, windows, the state at a step.
// Nothing here touches the page.

const trace = JSON.parse(document.getElementById("trace").textContent);
const steps = trace.steps;
const KEYFRAME = 64; // states are kept every so many steps, and made from there

const verifies = trace.target.kind === "verify";
const LOOP = "\u0000loop"; // the column of what belongs to no task; no task has this name
const tasks = trace.tasks.slice();
for (const step of steps) for (const name of step.created) if (!tasks.includes(name)) tasks.push(name);
if (verifies && tasks.includes("main")) tasks.push(...tasks.splice(tasks.indexOf("main"), 1)); // the clients matter
const columns = [...tasks, LOOP];
const hasPrimitives = trace.observed.length > 0;

// The loop of a run that goes on for ever, as indices of steps: after the last one all is as it was before the first. Null if the run ends.
const lasso = trace.loop >= 1 && trace.loop <= steps.length ? { first: trace.loop - 1, last: steps.length - 1 } : null;
const isInLoop = (index) => lasso !== null && index >= lasso.first;
function loopName() { return lasso.first === lasso.last ? `step ${lasso.first + 1}` : `steps ${lasso.first + 1}–${lasso.last + 1}`; }

// Lifetimes and windows: for each task the intervals [from, to) of step indices.
const windows = new Map(columns.map((name) => [name, []]));
const lives = new Map();
{
  const open = new Map();
  steps.forEach((step, index) => {
    if (step.kind === "start" || step.kind === "resume") {
      const begun = open.get(step.task);
      if (begun) {
        begun.to = index;
        open.delete(step.task);
        // A checkpoint that completes and is gone on from at once is no window that anybody could look into.
        if (index - begun.from === 1 && steps[begun.from].kind === "outside") windows.get(step.task).pop();
      }
    }
    for (const name of step.created) lives.set(name, { from: index, to: steps.length });
    if (step.task && !lives.has(step.task)) lives.set(step.task, { from: index, to: steps.length });
    if (step.task && step.kind !== "cancel" && step.stack.length === 0 && lives.has(step.task)) lives.get(step.task).to = index + 1;
    for (const wake of step.wakes) {
      const begun = open.get(wake.task);
      const text = wake.cancelled ? "cancelled" : wake.operation ? `woken by ${wake.operation}` : "woken";
      if (begun) { begun.texts.push([index, text]); continue; }
      const interval = { from: index, to: steps.length, texts: [[index, text]] };
      open.set(wake.task, interval);
      if (windows.has(wake.task)) windows.get(wake.task).push(interval);
    }
  });
}

function windowAt(name, index) {
  const list = windows.get(name);
  let low = 0, high = list.length;
  while (low < high) { // the last interval that begins at or before the step
    const middle = (low + high) >> 1;
    if (list[middle].from <= index) low = middle + 1; else high = middle;
  }
  const found = list[low - 1];
  return found && index < found.to ? found : null;
}

function isAlive(name, index) {
  const life = lives.get(name);
  return life !== undefined && life.from <= index && index < life.to;
}

// What the cell of a step says: a list of [kind, text].
function callText(call) {
  const receiver = call.receiver ? `${call.receiver}.` : "";
  const result = call.result === "returns" ? "" : call.result || "waits";
  return `${receiver}${call.function}(${call.arguments}) ${result}`.trimEnd();
}

function operationLines(step) {
  const lines = [];
  const shown = [];
  for (const call of step.calls) {
    while (shown.length && shown[shown.length - 1] >= call.depth) shown.pop();
    const asks = shown.length && call.result.startsWith("→") && !call.is_async;
    if (!call.operation || call.function.startsWith("_") || asks) continue;
    lines.push(["call", "  ".repeat(shown.length) + callText(verifies ? { ...call, receiver: "" } : call)]);
    shown.push(call.depth);
  }
  return lines;
}

function changeText(change) {
  if (change.before === null) return `${change.name} = ${change.after}`;
  if (change.after === null) return `${change.name} is gone`;
  return `${change.name}: ${change.before} → ${change.after}`;
}

const lineCache = new Array(steps.length);
function cellLines(index) {
  if (lineCache[index]) return lineCache[index];
  const step = steps[index];
  const lines = [[step.kind === "cancel" ? "cancel" : "why", step.why]];
  if (step.kind === "cancel") {
    if (step.in_window) lines.push(["cancel", `although ${step.in_window} already, and not resumed`]);
  } else {
    const calls = operationLines(step), [what, held] = step.waits_for.split(", held by ");
    const waiting = calls.find(([, text]) => text.endsWith(") waits") && text.trimStart().startsWith(`${what}.`));
    if (waiting && held) waiting[1] += `, held by ${held}`;
    lines.push(...calls);
    for (const note of step.notes) lines.push(["note", note]);
    if (step.created.length) lines.push(["note", `creates ${step.created.join(", ")}`]);
    for (const change of verifies ? [] : step.changes) {
      if (change.before === null || change.after === null) continue;
      const own = `${step.task}: `;
      lines.push(["change", changeText(change.name.startsWith(own) ? { ...change, name: change.name.slice(own.length) } : change)]);
    }
    if (step.place && !waiting && !verifies && step.waits_for && step.waits_for !== "a checkpoint") lines.push(["note", `waits for ${step.waits_for}`]);
    if (step.source) lines.push([step.place ? "source" : "end", step.source]);
  }
  return (lineCache[index] = lines);
}

function primitiveText(primitive) {
  let state = primitive.state.replace(/,? ?(?:waiters:\d+|_(?:getters|putters)\[\d+\])/g, "");
  if (primitive.holders.length && !state.includes("held by")) {
    const held = `held by ${primitive.holders.join(", ")}`;
    state = state === "locked" || !state ? held : `${state}, ${held}`;
  }
  if (primitive.waiting.length && !state.includes("waiting:")) state += `${state ? "; " : ""}waiting: ${primitive.waiting.join(", ")}`;
  return state;
}

function primitiveLines(index) {
  const single = trace.observed.length === 1;
  return steps[index].primitives
    .filter((primitive) => trace.observed.includes(primitive.name))
    .map((primitive) => ["primitive", (single ? "" : `${primitive.name}: `) + (primitiveText(primitive) || "–")]);
}

// The event loop's own steps that carry nothing but news are the reason of the step that follows: they are shown only if asked for,
// or if there are no others in the loop of a run that goes on for ever.
function isNews(index) { return carriesNews(index) && !(isInLoop(index) && loopIsSilent); }

function carriesNews(index) {
  const step = steps[index];
  return (step.kind === "outside" || step.kind === "callback") && !step.notes.length && !step.primitives.length && !(step.changes.length && !verifies)
    && !(trace.parting && trace.parting.step === index + 1);
}

const loopIsSilent = lasso !== null && steps.every((step, index) => index < lasso.first || carriesNews(index));

// Everything that a search can find in a step, in lower case.
const textCache = new Array(steps.length);
function searchText(index) {
  if (textCache[index] === undefined) {
    const step = steps[index];
    const parts = [step.task, step.why, step.source, step.place, ...step.notes, ...step.created, ...step.options, step.waits_for];
    for (const call of step.calls) parts.push(callText(call));
    for (const change of step.changes) parts.push(changeText(change));
    for (const primitive of step.primitives) parts.push(primitive.name, primitiveText(primitive));
    for (const wake of step.wakes) parts.push(wake.task, wake.operation);
    textCache[index] = parts.join("\n").toLowerCase();
  }
  return textCache[index];
}

// The state after a step: the sum of the changes up to it.
const keyframes = [{ values: new Map(), primitives: new Map(), stands: new Map() }];
function copyOf(state) {
  return { values: new Map(state.values), primitives: new Map(state.primitives), stands: new Map(state.stands) };
}
function apply(state, index) {
  const step = steps[index];
  for (const change of step.changes) {
    if (change.after === null) state.values.delete(change.name); else state.values.set(change.name, change.after);
  }
  for (const primitive of step.primitives) {
    if (!primitive.state && !primitive.waiting.length && !primitive.holders.length) state.primitives.delete(primitive.name);
    else state.primitives.set(primitive.name, primitive);
  }
  if (step.task && step.kind !== "cancel") state.stands.set(step.task, index);
}
function stateAt(index) {
  let frame = Math.min(Math.floor((index + 1) / KEYFRAME), keyframes.length - 1);
  let state = copyOf(keyframes[frame]);
  for (let at = frame * KEYFRAME; at <= index; at++) {
    apply(state, at);
    if ((at + 1) % KEYFRAME === 0 && (at + 1) / KEYFRAME === keyframes.length) keyframes.push(copyOf(state));
  }
  return state;
}

// What a task is doing after a step.
function taskState(name, index, state) {
  if (!isAlive(name, index)) {
    const life = lives.get(name);
    return life && index >= life.to ? ["done", steps[life.to - 1].source || "done"] : ["unborn", "not created yet"];
  }
  const window = windowAt(name, index);
  if (window) {
    const texts = window.texts.filter(([at]) => at <= index).map(([, text]) => text);
    return ["ready", `${texts.join(", then ")}; has not resumed`];
  }
  const stood = state.stands.get(name);
  if (stood === undefined) return ["ready", "created, has not started"];
  const step = steps[stood];
  return ["waiting", step.waits_for ? `waits for ${step.waits_for}` : step.stack.length ? "ready" : step.source || "done"];
}
