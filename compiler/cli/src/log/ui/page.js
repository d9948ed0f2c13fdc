// The page about the logs in a directory: asks for JSON, draws it, and asks again every few seconds while it is looked at.
// Whatever comes out of a log is set as text, never as markup.
"use strict";

const AGAIN = 3000;
const byId = (id) => document.getElementById(id);
const state = { name: null, seconds: 900, last: null, query: new URLSearchParams(), timer: 0 };

const whole = new Intl.NumberFormat("en");
const count = (n) => (n == null ? "-" : whole.format(n));
const rate = (n) => (n >= 100 ? whole.format(Math.round(n)) : String(Math.round(n * 100) / 100));
const bytes = (n) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; unit += 1; }
  return `${unit ? n.toFixed(1) : n} ${units[unit]}`;
};
const two = (n) => String(n).padStart(2, "0");
const clock = (ms, seconds = true) => {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? `:${two(d.getSeconds())}` : ""}`;
};
const day = (ms) => { const d = new Date(ms); return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`; };
const moment = (ms) => (ms == null ? "-" : `${day(ms)} ${clock(ms)}`);
const recent = (ms) => (Date.now() - ms < 43200000 ? `${clock(ms)}.${String(ms % 1000).padStart(3, "0")}` : moment(ms));
const ago = (ms, now) => {
  if (ms == null) return "never";
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 120) return `${s} s ago`;
  if (s < 7200) return `${Math.round(s / 60)} min ago`;
  return s < 172800 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86400)} days ago`;
};

/** A folder's name as what it stands for: bytes that a file system would mind are written as `%2A`. */
function plain(name) {
  try { return decodeURIComponent(name); } catch { return name; }
}

/** What a log is called in the list, and where it belongs. */
function label(log) {
  const [, stream, group] = /^streams\/(.*)\/groups\/(.*)\/dead$/.exec(log.name) ?? [];
  if (group) return [plain(group), `of ${plain(stream)}: `];
  return [plain(log.name.replace(/^(streams|calls)\//, "")), ""];
}

/** An element with attributes, and children that are texts or elements. */
function make(tag, attributes, ...children) {
  const svg = ["svg", "path", "line", "text", "rect"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

async function ask(path, parameters) {
  const answer = await fetch(`${path}?${new URLSearchParams(parameters ?? {})}`);
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error);
  return json;
}

/** The smallest round number that is no less. */
function round(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1e-9)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((m) => m * power).find((m) => m >= n * 0.999999);
}

/** Lines over time. `lines` are { name, points: [[ms, value]], mark }. */
function plot(into, lines, from, to, show) {
  const [width, height, left, bottom, top] = [into.clientWidth || 800, 190, 52, 20, 8];
  const all = lines.flatMap((line) => line.points.map((point) => point[1]));
  if (!all.length) return into.replaceChildren(make("div", { class: "none" }, "nothing yet"));
  const most = round(Math.max(...all, 1e-9));
  const x = (ms) => left + ((ms - from) / (to - from)) * (width - left - 4);
  const y = (value) => top + (1 - value / most) * (height - top - bottom);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  for (const part of [0, 0.5, 1]) {
    svg.append(make("line", { class: "grid", x1: left, x2: width - 4, y1: y(part * most), y2: y(part * most) }),
      make("text", { x: left - 8, y: y(part * most) + 4, "text-anchor": "end" }, show(part * most)));
  }
  const far = to - from > 86400000;
  for (let part = 0; part <= 4; part += 1) {
    const at = from + ((to - from) * part) / 4;
    const anchor = ["start", "middle", "middle", "middle", "end"][part];
    svg.append(make("text", { x: x(at), y: height - 4, "text-anchor": anchor }, far ? day(at) : clock(at, to - from < 600000)));
  }
  lines.forEach((line) => {
    const path = line.points.map(([at, value], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    if (lines.length === 1) {
      const [first, last] = [line.points[0][0], line.points[line.points.length - 1][0]];
      svg.append(make("path", { class: "area", d: `${path}L${x(last)} ${y(0)}L${x(first)} ${y(0)}Z` }));
    }
    svg.append(make("path", { class: `curve line-${line.mark % 6}`, d: path }));
  });
  const cursor = make("line", { class: "cursor", y1: top, y2: height - bottom });
  const tip = make("div", { class: "tip" });
  svg.append(cursor);
  svg.addEventListener("pointermove", (event) => {
    const at = from + ((event.offsetX - left) / (width - left - 4)) * (to - from);
    const nearest = (points) => points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
    const found = lines.filter((line) => line.points.length).map((line) => [line.name, nearest(line.points)]);
    tip.textContent = [moment(found[0][1][0])].concat(found.map(([name, [, value]]) => `${show(value)}  ${name}`)).join("\n");
    const place = x(found[0][1][0]);
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    tip.style.left = place < width / 2 ? `${place + 10}px` : "";
    tip.style.right = place < width / 2 ? "" : `${width - place + 10}px`;
    cursor.style.visibility = tip.style.visibility = "visible";
  });
  svg.addEventListener("pointerleave", () => { cursor.style.visibility = tip.style.visibility = "hidden"; });
  into.replaceChildren(svg, tip);
}

function drawLogs(all) {
  byId("dir").textContent = all.dir;
  const items = [];
  for (const kind of ["stream", "calls", "log", "dead letters"]) {
    const logs = all.logs.filter((log) => log.kind === kind);
    if (logs.length) items.push(make("li", { class: "kind" }, { stream: "streams", log: "logs" }[kind] ?? kind));
    for (const log of logs) {
      const [name, of] = label(log);
      const told = log.error ? make("small", { class: "bad" }, log.error)
        : make("small", {}, `${of}${count(log.records)} records, ${bytes(log.bytes)}, last ${ago(log.last, all.now)}`);
      const button = make("button", { type: "button" }, make("b", {}, name), told);
      if (log.name === state.name) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => { location.hash = encodeURIComponent(log.name); });
      items.push(make("li", {}, button));
    }
  }
  byId("logs").replaceChildren(...(items.length ? items : [make("li", { class: "quiet" }, "There is no log here yet.")]));
}

function drawLog(log, history, now) {
  byId("log").hidden = false;
  byId("name").textContent = plain(log.name);
  const facts = { records: count(log.records), size: bytes(log.bytes), "in the last minute": count(log.lately),
    "last record": ago(log.last, now), "oldest record": ago(log.oldest, now), offsets: `${count(log.first)} to ${count(log.next)}` };
  const fact = (kind) => ([name, value]) => make("div", {}, make("dt", {}, name), make("dd", { class: kind }, value));
  byId("facts").replaceChildren(
    ...Object.entries(facts).map(fact("figure")), ...(log.settings ?? []).map(fact("sentence")));
  plot(byId("throughput"), [{ name: "a second", points: history.throughput, mark: 0 }], history.from, history.to, rate);
  const marks = new Map(log.groups.map((group, place) => [group.name, place]));
  const lines = Object.entries(history.lag).map(([name, points]) => ({ name, points, mark: marks.get(name) ?? 0 }));
  byId("lags").hidden = !log.groups.length;
  byId("since").textContent = `seen since ${moment(history.since)}`;
  plot(byId("lag"), lines, Math.max(history.from, Math.min(history.since, history.to - 60000)), history.to, count);
  byId("groups").tBodies[0].replaceChildren(...log.groups.map((group, place) => {
    const swatch = make("td", { class: "swatch" },
      make("svg", { viewBox: "0 0 16 8" }, make("line", { class: `line-${place % 6}`, x1: 0, x2: 16, y1: 4, y2: 4 })));
    const numbers = [group.position, group.untaken, group.outstanding, group.tried].map((n) => make("td", { class: "n" }, count(n)));
    const dead = make("td", { class: group.dead ? "n bad" : "n" }, count(group.dead));
    return make("tr", {}, swatch, make("td", { class: "mono" }, group.error ? `${plain(group.name)}: ${group.error}` : plain(group.name)), ...numbers, dead);
  }));
  byId("kept").textContent = `${log.segments.length} of them, ${bytes(log.bytes)}; `
    + (log.first ? `${count(log.first)} older records were removed` : "nothing was removed yet");
  byId("segments").replaceChildren(...log.segments.map((segment, place) => {
    const records = segment.next - segment.base;
    const title = `offsets ${count(segment.base)} to ${count(segment.next)}: ${count(records)} records, ${bytes(segment.bytes)}\n`
      + `last ${moment(segment.last)}, ${segment.indexed ? "indexed" : "no index"}`;
    const box = make("div", { title, class: place === log.segments.length - 1 ? "active" : "full" });
    box.style.flexGrow = Math.max(segment.bytes, 1);
    return box;
  }));
}

function drawRecord(record) {
  if (record.damage) {
    const [from, to] = record.damage;
    return make("li", { class: "bad" }, `offsets ${count(from)} to ${count(to)} cannot be read`);
  }
  const line = record.value.replace(/\s+/g, " ");
  const summary = make("summary", {}, make("span", { class: "n mono" }, count(record.offset)),
    make("span", { class: "quiet", title: moment(record.time) }, recent(record.time)), make("span", { class: "mono" }, record.topic ?? "-"),
    make("span", { class: "mono" }, record.key ?? ""), make("span", { class: "mono quiet" }, line));
  const told = { offset: count(record.offset), time: moment(record.time), size: bytes(record.size) };
  if (record.key != null) told.key = record.key;
  const terms = Object.entries(told).concat(record.headers, record.frame).flatMap(([name, value]) => [make("dt", {}, name), make("dd", { class: "mono" }, value)]);
  const value = make("pre", {}, record.value + (record.cut ? "\n… the rest is not shown; `thriftwood log cat` prints it" : ""));
  return make("li", {}, make("details", {}, summary, make("dl", {}, ...terms), value));
}

async function drawRecords(more) {
  const parameters = new URLSearchParams(state.query);
  parameters.set("log", state.name);
  if (more) {
    if (parameters.has("from")) parameters.set("from", state.last + 1);
    else parameters.set("before", state.last);
  }
  const name = state.name;
  try {
    const { records, last, looked_at } = await ask("api/records", parameters);
    if (name !== state.name) return;
    const list = byId("records");
    if (!more) list.replaceChildren();
    list.append(...records.map(drawRecord));
    state.last = last;
    byId("more").hidden = last == null;
    const way = parameters.has("from") ? "oldest first" : "newest first";
    byId("found").textContent = `${way}; ${list.children.length} shown` + (records.length < 100 && last != null ? `, ${count(looked_at)} looked at` : "");
    byId("found").className = "quiet";
  } catch (error) {
    byId("found").textContent = error.message;
    byId("found").className = "bad";
  }
}

async function draw() {
  clearTimeout(state.timer);
  try {
    const all = await ask("api/logs");
    const named = all.logs.some((log) => log.name === state.name);
    if (!named && all.logs.length) {
      state.name = (all.logs.find((log) => log.kind === "stream") ?? all.logs[0]).name;
      drawRecords(false);
    }
    drawLogs(all);
    if (state.name && all.logs.length) {
      const name = state.name;
      const parts = [ask("api/log", { log: name }), ask("api/history", { log: name, seconds: state.seconds })];
      const [log, history] = await Promise.all(parts);
      if (name === state.name) drawLog(log, history, all.now);
    }
    byId("state").textContent = `as of ${clock(all.now)}`;
    byId("state").className = "quiet";
  } catch (error) {
    byId("state").textContent = `cannot be read: ${error.message}`;
    byId("state").className = "bad";
  }
  document.body.dataset.drawn = "yes";
  state.timer = setTimeout(() => (document.hidden ? 0 : draw()), AGAIN);
}

function choose() {
  const name = decodeURIComponent(location.hash.slice(1)) || null;
  if (name === state.name && name) return;
  state.name = name;
  state.query = new URLSearchParams();
  byId("filter").reset();
  draw();
  if (name) drawRecords(false);
}

function mark() {
  for (const button of byId("spans").children) button.setAttribute("aria-pressed", String(Number(button.dataset.seconds) === state.seconds));
}

byId("spans").addEventListener("click", (event) => {
  if (!event.target.dataset.seconds) return;
  state.seconds = Number(event.target.dataset.seconds);
  mark();
  draw();
});
byId("filter").addEventListener("submit", (event) => {
  event.preventDefault();
  state.query = new URLSearchParams([...new FormData(event.target)].filter(([, value]) => value && value !== "newest"));
  drawRecords(false);
});
byId("more").addEventListener("click", () => drawRecords(true));
addEventListener("hashchange", choose);
document.addEventListener("visibilitychange", () => { if (!document.hidden) draw(); });
mark();
choose();
