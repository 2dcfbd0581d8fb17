// Plays a story (meshlab/incident/replay/story.py): every picture is drawn once, a frame changes only what
// moved. `draw(story, host, heard)` needs no widget, so that a page of its own can use it too.

const SVG = "http://www.w3.org/2000/svg";
const BLUE = "#0072B2", RED = "#D55E00", GREY = "#8C8C8C", PURPLE = "#5B4FA2";
const ALARM = 0.05;
const GLYPH = { u: "●", k: "✕", d: "○" };
const STATE = { c: "closed", h: "half-open", o: "OPEN", "?": "unknown" };

function el(tag, attributes, parent, text) {
  const svg = "svg g path line rect circle text clipPath title".split(" ").includes(tag);
  const made = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

export function say(value, unit = "") {
  if (value === null || value === undefined) return "no value";
  const size = Math.abs(value);
  const text = size >= 100 ? Math.round(value).toLocaleString("en") : `${+value.toPrecision(3)}`;
  return unit ? `${text} ${unit}` : text;
}

const percent = (share) => (share === null ? "–" : `${+(100 * share).toPrecision(2)} %`);

function path(values, x, y) {
  let d = "", down = false;
  values.forEach((value, i) => {
    if (value === null) { down = false; return; }
    d += `${down ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    down = true;
  });
  return d;
}

let serial = 0;

// One chart: its lines up to the cursor, the whole of another history, and the numbers of now.
function chart(story, spec, parent, ticks) {
  const W = 450, H = 78, L = 16, R = 150, T = 16;
  const svg = el("svg", { viewBox: `0 0 ${W} ${H + (ticks ? 13 : 0)}`, role: "img", "aria-label": spec.title }, parent);
  const last = story.times.length - 1, x = (i) => L + (i / last) * (W - L - R);
  let top = 1, y;
  const clip = `meshlab-clip-${++serial}`;
  const window_ = el("rect", { x: 0, y: 0, width: 0, height: H }, el("clipPath", { id: clip }, svg));
  el("text", { x: L, y: 11, class: "title" }, svg, spec.unit ? `${spec.title} (${spec.unit})` : spec.title);
  el("line", { x1: L, x2: W - R, y1: H, y2: H, stroke: GREY }, svg);
  const limit = spec.limit ? el("line", { x1: L, x2: W - R, stroke: "#595959", "stroke-dasharray": "9 4" }, svg) : null;
  const beside = el("path", { fill: "none", stroke: PURPLE, "stroke-width": 2, "stroke-dasharray": "5 3" }, svg);
  const dashes = { dash: "7 3", dot: "2 3", dashdot: "7 3 2 3", longdash: "10 3", "12px,4px": "12 4" };
  const lines = spec.lines.map((line) => el("path", {
    fill: "none", stroke: line.colour, "stroke-width": 1.8, "clip-path": `url(#${clip})`,
    "stroke-dasharray": dashes[line.dash] ?? "none",
  }, svg));
  const cursor = el("line", { y1: T - 3, y2: H, stroke: "#222222" }, svg);
  const legend = (n, stroke, dash) => {
    const middle = T + 4 + 14 * n, from = W - R + 6;
    const key = el("line", { x1: from, x2: from + 22, y1: middle, y2: middle, stroke, "stroke-width": 2.5,
      "stroke-dasharray": dash }, svg);
    return { key, text: el("text", { x: from + 27, y: middle + 4 }, svg) };
  };
  const labels = spec.lines.map((line, n) => legend(n, line.colour, dashes[line.dash] ?? "none").text);
  const other = legend(spec.lines.length, PURPLE, "5 3");
  if (ticks) for (let i = 0; i <= last; i += 72) {
    el("text", { x: x(i), y: H + 12, "text-anchor": "middle" }, svg, story.clock[i].slice(0, 5));
  }
  let compared = null;
  const scale = () => {
    const every = [...spec.lines.flatMap((line) => line.values), ...(compared ?? []), spec.limit ?? 0];
    top = Math.max(1e-9, ...every.filter((value) => value !== null)) * 1.05;
    y = (value) => H - (value / top) * (H - T);
    lines.forEach((line, n) => line.setAttribute("d", path(spec.lines[n].values, x, y)));
    beside.setAttribute("d", compared ? path(compared, x, y) : "");
    for (const end of ["y1", "y2"]) limit?.setAttribute(end, y(spec.limit));
  };
  scale();
  return {
    compare(values) { compared = values; scale(); },
    frame(i) {
      window_.setAttribute("width", x(i));
      cursor.setAttribute("x1", x(i));
      cursor.setAttribute("x2", x(i));
      labels.forEach((label, n) => {
        const dead = spec.lines[n].values[i] === null ? "✕ " : "";
        label.textContent = `${spec.lines[n].name}: ${dead}${say(spec.lines[n].values[i])}`;
      });
      other.text.textContent = compared ? `what if: ${say(compared[i])}` : "";
      other.key.style.display = compared ? "" : "none";
    },
  };
}

// The mesh: services with their instances, arrows as wide as their load, dashed red when failing.
function mesh(story, parent) {
  const svg = el("svg", { viewBox: "0 0 500 320", role: "img", "aria-label": "the mesh" }, parent);
  const deepest = Math.max(...Object.values(story.nodes).map((node) => node.at[0]));
  const X = (x) => 32 + (x / deepest) * 430, Y = (y) => 150 - y * 115;
  const busiest = Math.max(...story.edges.flatMap((edge) => edge.rate.map((rate) => rate ?? 0)));
  const edges = story.edges.map((edge) => {
    const points = edge.path.map(([x, y]) => [X(x), Y(y)]);
    const line = el("path", { fill: "none", d: "M" + points.map((p) => p.join(" ")).join("L") }, svg);
    const [a, b] = points;
    const middle = points.length > 2 ? b : [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    return { edge, line, middle };
  });
  for (const drawn of edges) {
    drawn.label = el("text", { x: drawn.middle[0], y: drawn.middle[1] - 4, "text-anchor": "middle",
      "paint-order": "stroke", stroke: "white", "stroke-width": 3 }, svg);
  }
  const nodes = Object.entries(story.nodes).map(([name, node]) => {
    const [x, y] = [X(node.at[0]), Y(node.at[1])];
    el("circle", { cx: x, cy: y, r: 11, fill: node.colour, stroke: "white", "stroke-width": 2 }, svg);
    el("text", { x, y: y + 25, "text-anchor": "middle", "font-weight": "bold" }, svg, name);
    return { name, glyphs: el("text", { x, y: y + 38, "text-anchor": "middle", style: "font-size:13px" }, svg) };
  });
  return (i) => {
    for (const { edge, line, label } of edges) {
      const rate = edge.rate[i] ?? 0, errors = edge.errors[i], bad = errors !== null && errors >= ALARM;
      line.setAttribute("stroke", bad ? RED : rate ? BLUE : GREY);
      line.setAttribute("stroke-dasharray", bad ? "7 4" : rate ? "none" : "2 4");
      line.setAttribute("stroke-width", rate ? 1 + (8 * rate) / busiest : 1);
      label.textContent = rate ? `${say(rate)}/s ${bad ? "✕ " : ""}${percent(errors)}` : "no calls";
      label.style.fill = bad ? RED : rate ? BLUE : "#595959";
    }
    for (const { name, glyphs } of nodes) {
      const own = Object.values(story.instances[name] ?? {});
      glyphs.textContent = own.map((letters) => GLYPH[letters[i]]).join(" ");
    }
  };
}

// Error rate of every edge as a row, and breakers as lanes with the state in words.
function rows(story, parent) {
  const names = [...story.edges.map((edge) => edge.name), ...story.breakers.map((b) => b.name)];
  const W = 470, H = 15, L = 118, R = 172, last = story.times.length - 1;
  const svg = el("svg", { viewBox: `0 0 ${W} ${H * (names.length + 2) + 4}`, role: "img",
    "aria-label": "error rate per edge, and breakers" }, parent);
  const x = (i) => L + (i / last) * (W - L - R);
  let y = 12;
  el("text", { x: 0, y, class: "title" }, svg, "tries that fail, by edge");
  const labels = [];
  const row = (name, fill, d) => {
    y += H;
    el("text", { x: 0, y }, svg, name);
    el("rect", { x: L, y: y - 10, width: W - L - R, height: 12, fill: "#F4F4F4" }, svg);
    el("path", { d, fill }, svg);
    labels.push(el("text", { x: W - R + 6, y }, svg));
  };
  for (const edge of story.edges) {
    const base = y + H + 2;
    const d = edge.errors.map((share, i) => (share ? `M${x(i)} ${base}v${-12 * share}h1.2v${12 * share}z` : ""));
    row(edge.name, RED, d.join(""));
  }
  y += H;
  el("text", { x: 0, y, class: "title" }, svg, "breakers that opened");
  for (const breaker of story.breakers) {
    const base = y + H + 2;
    const d = [...breaker.states].map((s, i) => (s === "o" ? `M${x(i)} ${base}v-12h1.2v12z`
      : s === "h" ? `M${x(i)} ${base}v-6h1.2v6z` : ""));
    row(breaker.name, "#595959", d.join(""));
  }
  const cursor = el("line", { y1: 14, y2: y + 4, stroke: "#222222" }, svg);
  const edgeCount = story.edges.length;
  return (i) => {
    cursor.setAttribute("x1", x(i));
    cursor.setAttribute("x2", x(i));
    story.edges.forEach((edge, n) => {
      const share = edge.errors[i];
      labels[n].textContent = `${share !== null && share >= ALARM ? "✕ " : ""}${percent(share)}`;
    });
    story.breakers.forEach((breaker, n) => {
      const why = breaker.why.filter(([time]) => time <= story.times[i]).at(-1)?.[1] ?? "";
      const state = STATE[breaker.states[i]];
      labels[edgeCount + n].textContent = why ? `${state} (${why.split(": ")[1]})` : state;
    });
  };
}

// The post-mortem's minutes above the axis, and below it where each emerged in this run.
function milestones(story, parent, jump) {
  const W = 1200, L = 112, end = story.times.at(-1), x = (time) => L + (time / end) * (W - L - 20);
  const svg = el("svg", { viewBox: `0 0 ${W} 50`, role: "img",
    "aria-label": "minutes of the post-mortem, and where they emerged" }, parent);
  el("text", { x: 0, y: 27, class: "title" }, svg, "▽ post-mortem");
  el("text", { x: 0, y: 45, class: "title" }, svg, "▲ this run ■ cause");
  el("line", { x1: L, x2: W - 20, y1: 32, y2: 32, stroke: GREY }, svg);
  for (const { told, what, kind, emerged } of story.milestones) {
    const clock = story.clock[Math.round(told / end * (story.times.length - 1))].slice(0, 5);
    const mark = el("text", { x: x(told), y: 28, "text-anchor": "middle" }, svg, "▽");
    el("text", { x: x(told), y: 16, "text-anchor": "middle" }, svg, clock);
    el("title", {}, mark, `${clock} ${what}`);
    if (emerged === null) continue;
    const found = el("text", { x: x(emerged), y: 45, "text-anchor": "middle",
      style: `cursor:pointer;fill:${kind === "cause" ? "#222222" : RED}` }, svg, kind === "cause" ? "■" : "▲");
    el("title", {}, found, what);
    found.addEventListener("click", () => jump(emerged));
  }
  const cursor = el("line", { y1: 20, y2: 48, stroke: "#222222", "stroke-width": 2 }, svg);
  return (i) => { for (const end of ["x1", "x2"]) cursor.setAttribute(end, x(story.times[i])); };
}

function ledger(story, parent) {
  el("h4", {}, parent, "The ledger: what was decided, and why");
  const list = el("ol", {}, parent);
  const LINES = 12;
  let shown = -1;
  return (i) => {
    const past = story.ledger.filter(([time]) => time <= story.times[i]).length;
    if (past === shown) return;
    shown = past;
    list.replaceChildren(...story.ledger.slice(Math.max(0, past - LINES), past).map(([, text]) => el("li", {}, null, text)));
  };
}

function comparison(story, parent) {
  const place = el("div", {}, parent);
  return (other) => {
    place.replaceChildren();
    if (!other?.numbers) return;
    const table = el("table", {}, place), head = el("tr", {}, table);
    for (const name of ["", "what happened", `what if: ${other.label}`]) el("th", { scope: "col" }, head, name);
    for (const [name, value] of Object.entries(other.numbers)) {
      const row = el("tr", {}, table);
      for (const cell of [name, other.happened[name], value]) el("td", {}, row, cell);
    }
  };
}

export function draw(story, host, heard = () => {}) {
  host.classList.add("meshlab-replay");
  const bar = el("div", { class: "bar" }, host);
  const keys = { "data-lm-suppress-shortcuts": "true" };  // JupyterLab would take them for itself
  const play = el("button", keys, bar, "▶ Play");
  const speed = el("select", { ...keys, "aria-label": "speed" }, bar);
  for (const times of [10, 30, 60, 120, 240]) el("option", { value: times }, speed, `${times} × as fast`);
  speed.value = "60";
  const scrub = el("input", { ...keys, type: "range", min: 0, max: story.times.length - 1, step: 1, value: 0,
    "aria-label": "time of the incident" }, bar);
  const clock = el("output", { "aria-hidden": "true" }, bar);
  let index = 0, playing = false, began = 0, from = 0;
  const find = (time) => Math.max(0, story.times.findLastIndex((at) => at <= time));
  const marks = milestones(story, host, (time) => { stop(); move(find(time) + 1); heard(story.times[index]); });
  const words = el("p", { class: "words", role: "status" }, host);
  const board = el("div", { class: "board" }, host);
  const left = el("div", {}, board), right = el("div", {}, board);
  const parts = [marks, mesh(story, left), rows(story, left)];
  const charts = story.charts.map((spec, n) => chart(story, spec, right, n === story.charts.length - 1));
  parts.push(...charts.map((one) => one.frame), ledger(story, left));
  const compare = comparison(story, right);

  function move(i) {
    index = Math.max(0, Math.min(story.times.length - 1, i));
    for (const part of parts) part(index);
    scrub.value = index;
    scrub.setAttribute("aria-valuetext", story.clock[index]);
    clock.textContent = story.clock[index];
    if (!playing) words.textContent = story.words[index];
  }
  function tick(now) {
    if (!playing) return;
    const i = find(from + ((now - began) / 1000) * Number(speed.value));
    if (i !== index) move(i);
    if (index === story.times.length - 1) stop();
    else requestAnimationFrame(tick);
  }
  function stop() {
    if (!playing) return;
    playing = false;
    play.textContent = "▶ Play";
    words.textContent = story.words[index];
    heard(story.times[index]);
  }
  function start() {
    if (index === story.times.length - 1) move(0);
    playing = true;
    play.textContent = "⏸ Pause";
    began = performance.now();
    from = story.times[index];
    requestAnimationFrame(tick);
  }
  play.addEventListener("click", () => (playing ? stop() : start()));
  speed.addEventListener("change", () => { began = performance.now(); from = story.times[index]; });
  scrub.addEventListener("input", () => { const i = Number(scrub.value); stop(); move(i); });
  scrub.addEventListener("change", () => heard(story.times[index]));
  move(0);
  return {
    at: (time) => { if (!playing) move(find(time)); },
    other: (other) => {
      charts.forEach((one, n) => one.compare(other?.charts?.[n] ?? null));
      compare(other);
      move(index);
    },
    stop,
  };
}

export default {
  render({ model, el: host }) {
    const player = draw(model.get("story"), host, (at) => { model.set("at", at); model.save_changes(); });
    const at = () => player.at(model.get("at"));
    const other = () => player.other(model.get("other"));
    model.on("change:at", at);
    model.on("change:other", other);
    at();
    other();
    return () => { player.stop(); model.off("change:at", at); model.off("change:other", other); };
  },
};
