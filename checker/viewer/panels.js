// What stands beside the table: the step in words, the source, the state, the choices.

const panel = (name) => document.getElementById(name);

function taskName(name) { return name === "" ? "the loop" : name; }

function list(className, items) {
  const made = element("ul", className);
  for (const item of items) {
    const entry = element("li");
    entry.append(item);
    made.append(entry);
  }
  return made;
}

function drawStep(index) {
  const step = steps[index];
  panel("step-title").textContent = `Step ${index + 1}: ${taskName(step.task)}`;
  const parts = [element("p")];
  parts[0].append(element("span", step.kind === "cancel" ? "cancel" : "", step.why), " ", element("span", "quiet", `iteration ${step.iteration} of the event loop`));
  const window = step.in_window && index > 0 && windowAt(step.task, index - 1);
  if (window) parts.push(element("p", "window-note", `Before this step ${step.task} was ${step.in_window}, and had not resumed.`));
  if (index === loopStart()) parts.push(element("p", "loop-note", `Here the loop begins: ${loopName()} can repeat for ever.`));
  if (step.calls.length) {
    parts.push(list("calls", step.calls.map((call) => {
      const line = element("code", call.operation ? "" : "quiet", callText(call));
      line.style.marginLeft = `${call.depth * 1.2}em`;
      if (call.result.startsWith("raises")) line.classList.add("raises");
      if (call.resumed) line.prepend(element("span", "quiet", "… "));
      return line;
    })));
  }
  const said = [...step.notes];
  if (step.created.length) said.push(`creates ${step.created.join(", ")}`);
  for (const wake of step.wakes) {
    said.push(wake.cancelled ? `cancels ${wake.task}` : `wakes ${wake.task}` + (wake.operation ? `, by ${wake.operation}` : ""));
  }
  if (step.waits_for) said.push(`${taskName(step.task)} now waits for ${step.waits_for}`);
  if (!step.place && step.source) said.push(`${taskName(step.task)} ${step.source}`);
  if (said.length) parts.push(list("", said.map((text) => element("span", "", text))));
  if (lasso && index === lasso.last) {
    parts.push(element("p", "loop-note", `Now all is as it was before step ${lasso.first + 1}: it can go on from there, for ever.`));
  }
  panel("step").replaceChildren(...parts);
}

// --- source ---------------------------------------------------------------------------------------------------------

let shownFrame = -1; // which frame of the stack; -1: the innermost that has a source

function excerptOf(frame) {
  return trace.sources.find((each) => each.file === frame.file && each.first <= frame.line && frame.line < each.first + each.lines.length);
}

function lastStack(name, index) { // where a task stands, or stood last
  for (let at = index; at >= 0; at--) {
    const step = steps[at];
    if (step.task === name && step.kind !== "cancel" && step.stack.length) return step.stack;
  }
  return [];
}

function drawSource(index, state) {
  const step = steps[index];
  const name = step.task || tasks.find((task) => isAlive(task, index)) || "";
  const stack = lastStack(name, index);
  const withSource = stack.map((frame, at) => at).filter((at) => excerptOf(stack[at]));
  const own = withSource.filter((at) => `${stack[at].file}:${stack[at].line}` === step.place); // rather the program's line than asyncio's
  const at = withSource.includes(shownFrame) ? shownFrame : [...withSource, ...(verifies ? [] : own)].pop();
  panel("stack").replaceChildren(...stack.map((frame, depth) => {
    const button = element("button", "frame", frame.function.replace(/.*<locals>\./, ""));
    button.type = "button";
    button.title = `${frame.function}  ${frame.file}:${frame.line}`;
    button.setAttribute("aria-pressed", String(depth === at));
    button.disabled = !excerptOf(frame);
    button.addEventListener("click", () => { shownFrame = depth; drawSource(index, state); });
    return button;
  }));
  const box = panel("source");
  if (at === undefined) {
    box.replaceChildren(element("p", "quiet", stack.length ? `${stack[stack.length - 1].file}: its source is not in the trace` : "nothing to show"));
    return;
  }
  const frame = stack[at], excerpt = excerptOf(frame);
  const marks = new Map(); // line → tasks that stand in it
  for (const task of tasks) {
    const stood = state.stands.get(task);
    if (stood === undefined || !isAlive(task, index)) continue;
    for (const other of steps[stood].stack) {
      if (other.file === excerpt.file && excerpt.first <= other.line && other.line < excerpt.first + excerpt.lines.length) {
        if (!marks.has(other.line)) marks.set(other.line, []);
        if (!marks.get(other.line).includes(task)) marks.get(other.line).push(task);
      }
    }
  }
  const code = element("ol", "code");
  code.start = excerpt.first;
  excerpt.lines.forEach((text, offset) => {
    const number = excerpt.first + offset;
    const line = element("li", number === frame.line ? "here" : "");
    line.value = number;
    if (number === frame.line) line.setAttribute("aria-current", "true");
    const here = marks.get(number) || [];
    line.append(element("span", "line-number", String(number)), element("code", "", text || " "));
    for (const task of here) line.append(element("span", task === step.task ? "badge own" : "badge", task));
    code.append(line);
  });
  box.replaceChildren(element("p", "file", `${excerpt.file}:${frame.line}`), code);
  const hit = code.querySelector(".here");
  if (hit) box.scrollTop = Math.max(0, hit.offsetTop - box.clientHeight / 2);
}

// --- state ----------------------------------------------------------------------------------------------------------

function tableOf(caption, titles, rows) {
  const made = element("table", titles.length > 3 ? "titled" : "");
  made.append(element("caption", "", caption));
  const header = element("tr");
  for (const title of titles) { const cell = element("th", "", title); cell.scope = "col"; header.append(cell); }
  const top = element("thead"); top.append(header);
  const body = element("tbody");
  for (const { changed, cells } of rows) {
    const row = element("tr", changed ? "changed" : "");
    cells.forEach((cell, at) => {
      const made = element(at ? "td" : "th");
      if (!at) made.scope = "row";
      made.append(cell);
      row.append(made);
    });
    body.append(row);
  }
  made.append(top, body);
  return made;
}

function beforeAndAfter(before, after) {
  const cell = element("span");
  if (before !== null && before !== undefined && before !== after) cell.append(element("del", "", before), " → ");
  cell.append(after);
  return cell;
}

function drawState(index, state) {
  const step = steps[index];
  const parts = [tableOf("Tasks", ["task", "is", "at"], tasks.filter((name) => taskState(name, index, state)[0] !== "unborn").map((name) => {
    const [kind, text] = taskState(name, index, state);
    const stood = state.stands.get(name);
    const place = kind === "done" || stood === undefined ? "" : steps[stood].place.replace(/.*\//, "");
    return { changed: name === step.task || step.wakes.some((wake) => wake.task === name), cells: [name, element("span", kind, text), element("span", "quiet", place)] };
  }))];
  const changed = new Set(step.primitives.map((primitive) => primitive.name));
  if (state.primitives.size) {
    parts.push(tableOf("Primitives", ["name", "is", "held by", "waiting"], [...state.primitives.values()].map((primitive) => ({
      changed: changed.has(primitive.name),
      cells: [primitive.name, primitive.state, primitive.holders.join(", "), primitive.waiting.join(", ")],
    }))));
  }
  const changes = new Map(step.changes.map((change) => [change.name, change]));
  const names = [...new Set([...state.values.keys(), ...changes.keys()])].sort();
  if (names.length) {
    parts.push(tableOf("Values", ["name", "value"], names.map((name) => {
      const change = changes.get(name);
      const after = state.values.has(name) ? state.values.get(name) : "–";
      return { changed: change !== undefined, cells: [element("code", "", name), beforeAndAfter(change ? change.before : null, after)] };
    })));
  }
  panel("state").replaceChildren(...parts);
}

// --- choices --------------------------------------------------------------------------------------------------------

function drawChoices(index) {
  const step = steps[index], parting = trace.parting;
  const parts = [];
  if (step.options.length) {
    parts.push(element("p", "quiet", "What could have come here:"));
    parts.push(list("options", step.options.map((text, at) => {
      const line = element("span", at === step.chosen ? "chosen" : "", text);
      if (at === step.chosen) line.append(element("span", "quiet", "  ← this run"));
      if (parting && parting.position === step.position && parting.instead === text) line.append(element("span", "passes", "  ← the nearest passing run"));
      return line;
    })));
  } else {
    parts.push(element("p", "quiet", "Nothing else could have come here."));
  }
  if (parting && parting.step === index + 1) {
    parts.push(element("p", "parting-note", `Here the nearest passing run parts: “${parting.instead}” instead of “${parting.chosen}”. It goes on like this:`));
    parts.push(list("calls", parting.goes_on.map((text) => element("code", "", text))));
  }
  panel("choices").replaceChildren(...parts);
}
