// The timeline: sentiment around a middle line, a band per emotion, face and voice, the playback position.

const TOP = 20, SENTIMENT = 78, BAND = 13, BAND_GAP = 3, SIGNAL = 7, SIGNAL_GAP = 9;  // pixels
const EMOTION_TOP = TOP + SENTIMENT + 8;
const SIGNAL_TOP = EMOTION_TOP + data.emotions.length * (BAND + BAND_GAP) + 8;
const HEIGHT = SIGNAL_TOP + 2 * (SIGNAL + SIGNAL_GAP) + 2;
const SIGNALS = [["face", "face"], ["voice", "voice"]];
const STEPS = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];  // seconds between marks

const OPACITY_STEPS = 24;  // the marks of one colour and one opacity are one path: a page of thousands of utterances stays quick

const timeline = { zoom: 1, width: 0, scroller: byId("scroller"), svg: null, playhead: null, selected: null, marks: null };
const duration = Math.max(data.duration, utterances.length ? utterances[utterances.length - 1].end : 0, 0.1);
const xOf = (time) => (time / duration) * timeline.width;

function laneNames() {
  const names = byId("lane-names");
  const place = (text, y, attributes = {}) => {
    const name = make("span", attributes, text);
    name.style.top = `${y}px`;
    names.append(name);
  };
  place("sentiment", TOP + SENTIMENT / 2);
  // A click on an emotion shows its utterances alone, a second one all of them; the field above the transcript does the same.
  const filter = (emotion) => () => {
    const field = byId("by-label");
    field.value = field.value === emotion ? "" : emotion;
    field.dispatchEvent(new Event("change"));
  };
  data.emotions.forEach((emotion, n) => place(emotion, EMOTION_TOP + n * (BAND + BAND_GAP) + BAND / 2, { class: "choice", title: `Only ${emotion}`, onclick: filter(emotion) }));
  SIGNALS.forEach(([name], n) => place(name, SIGNAL_TOP + n * (SIGNAL + SIGNAL_GAP) + SIGNAL / 2));
}

function drawTimeline() {
  const room = timeline.scroller.clientWidth;
  timeline.width = Math.max(100, room * timeline.zoom);
  const svg = draw("svg", { width: timeline.width, height: HEIGHT, viewBox: `0 0 ${timeline.width} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const step = STEPS.find((seconds) => xOf(seconds) >= 64) ?? STEPS[STEPS.length - 1];
  for (let time = 0; time < duration; time += step) {
    const x = xOf(time);
    svg.append(draw("line", { class: "grid", x1: x, x2: x, y1: TOP - 4, y2: HEIGHT }));
    if (x > timeline.width - 34) continue;  // its time would be cut off
    const label = draw("text", { x: x + 3, y: 11 });
    label.textContent = step < 1 ? time.toFixed(1) : clock(time);
    svg.append(label);
  }
  const middle = TOP + SENTIMENT / 2;
  data.emotions.forEach((_, n) =>
    svg.append(draw("rect", { class: "lane", x: 0, y: EMOTION_TOP + n * (BAND + BAND_GAP), width: timeline.width, height: BAND, rx: 2 })));
  timeline.selected = draw("rect", { class: "selected", y: TOP - 4, height: HEIGHT - TOP + 4, rx: 3 });
  svg.append(timeline.selected);
  timeline.marks = draw("g");
  svg.append(timeline.marks);
  svg.append(draw("line", { class: "middle", x1: 0, x2: timeline.width, y1: middle, y2: middle }));
  timeline.playhead = draw("line", { class: "playhead", y1: TOP - 8, y2: HEIGHT });
  svg.append(timeline.playhead);
  timeline.scroller.replaceChildren(svg);
  byId("lane-names").style.height = `${HEIGHT}px`;
  timeline.svg = svg;
  drawMarks();
  showTime();
  showSelected();
}

// A rectangle with round corners, as a piece of a path.
function rectangle(x, y, width, height, radius) {
  const r = Math.min(radius, width / 3), p = (n) => n.toFixed(2), corner = (dx, dy) => `a${p(r)} ${p(r)} 0 0 1 ${p(dx)} ${p(dy)}`;
  if (width < 3) return `M${p(x)} ${p(y)}h${p(width)}v${p(height)}h${p(-width)}z`;
  return `M${p(x + r)} ${p(y)}h${p(width - 2 * r)}${corner(r, r)}v${p(height - 2 * r)}${corner(-r, r)}h${p(2 * r - width)}${corner(-r, -r)}v${p(2 * r - height)}${corner(r, -r)}z`;
}

function drawMarks() {
  const middle = TOP + SENTIMENT / 2, gap = timeline.width / utterances.length > 6 ? 1 : 0, paths = new Map();
  utterances.forEach((utterance, i) => {
    const dim = state.shown[i] ? "" : " dim", x = xOf(utterance.start), width = Math.max(xOf(utterance.end) - x - gap, 1);
    const mark = (classes, opacity, ...place) => {
      const key = `${classes}${dim}|${Math.ceil(opacity * OPACITY_STEPS) / OPACITY_STEPS}`;
      if (!paths.has(key)) paths.set(key, []);
      paths.get(key).push(rectangle(...place));
    };
    const lean = leanOf(utterance), height = Math.max(Math.abs(lean) * SENTIMENT / 2, 2);
    mark(utterance.sentiment, 1, x, lean >= 0 ? middle - height : middle, width, height, 2);
    data.emotions.forEach((emotion, n) => {
      const labelled = utterance.labels.includes(emotion), inset = labelled ? 0.6 : 0;
      mark(`cell ${emotion}${labelled ? " framed" : ""}`, utterance.emotions[n] ** 1.2,
        x + inset, EMOTION_TOP + n * (BAND + BAND_GAP) + inset, Math.max(width - 2 * inset, 1), BAND - 2 * inset, 2);
    });
    SIGNALS.forEach(([, key], n) => {
      if (utterance[key] !== null) mark("signal", 0.06 + 0.64 * utterance[key], x, SIGNAL_TOP + n * (SIGNAL + SIGNAL_GAP), width, SIGNAL, 1);
    });
  });
  timeline.marks.replaceChildren(...[...paths].map(([key, pieces]) => {
    const [classes, opacity] = key.split("|");
    return draw("path", { class: classes, "fill-opacity": opacity, d: pieces.join("") });
  }));
}

function showTime() {
  const x = xOf(state.time);
  set(timeline.playhead, { x1: x, x2: x });
  const { scrollLeft, clientWidth } = timeline.scroller;
  if (byId("follow").checked && media && !media.paused && (x < scrollLeft + 20 || x > scrollLeft + clientWidth - 40)) {
    timeline.scroller.scrollLeft = x - clientWidth * 0.2;
  }
}
function showSelected() {
  const utterance = utterances[state.selected];
  if (!utterance) return;
  const x = xOf(utterance.start), width = xOf(utterance.end) - x;
  set(timeline.selected, { x: x - 2, width: width + 4 });
  const { scrollLeft, clientWidth } = timeline.scroller;
  if (x < scrollLeft || x + width > scrollLeft + clientWidth) timeline.scroller.scrollLeft = x + width / 2 - clientWidth / 2;
}
function zoom(factor) {
  const centre = state.time / duration;
  timeline.zoom = Math.min(Math.max(timeline.zoom * factor, 1), Math.max(1, duration / 4));
  drawTimeline();
  timeline.scroller.scrollLeft = centre * timeline.width - timeline.scroller.clientWidth / 2;
}

function timeUnder(event) {
  const box = timeline.svg.getBoundingClientRect();
  return ((event.clientX - box.left) / box.width) * duration;
}
// The utterance under the pointer, or -1 in a pause; narrow ones have a margin.
function utteranceUnder(event) {
  const time = timeUnder(event), slack = (3 / timeline.width) * duration, i = utteranceAt(time + slack);
  return i >= 0 && time <= utterances[i].end + slack ? i : -1;
}
function showTip(event) {
  const tip = byId("tip"), i = utteranceUnder(event);
  tip.hidden = i < 0;
  if (i < 0) return;
  const utterance = utterances[i];
  tip.replaceChildren(make("b", {}, `${clock(utterance.start)} ${verdictOf(utterance)}${utterance.labels.length ? `, ${utterance.labels.join(", ")}` : ""}`), make("br"), shortened(utterance.text, 140));
  const frame = byId("timeline").getBoundingClientRect();
  tip.style.left = `${Math.min(Math.max(event.clientX - frame.left + 12, 8), frame.width - Math.min(330, frame.width - 16))}px`;
  tip.style.top = `${event.clientY - frame.top + 18}px`;
}

function startTimeline() {
  laneNames();
  drawTimeline();
  new ResizeObserver(() => { if (Math.abs(timeline.scroller.clientWidth * timeline.zoom - timeline.width) > 1) drawTimeline(); }).observe(timeline.scroller);
  const scroller = timeline.scroller;
  scroller.addEventListener("pointermove", showTip);
  scroller.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
  scroller.addEventListener("click", (event) => {
    const i = utteranceUnder(event);
    if (i >= 0) select(i); else seek(timeUnder(event));
  });
  scroller.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8);
  }, { passive: false });
  scroller.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    select(neighbour(step));
  });
  byId("zoom-in").addEventListener("click", () => zoom(1.6));
  byId("zoom-out").addEventListener("click", () => zoom(1 / 1.6));
  onChange((what) => ({ time: showTime, selected: showSelected, filter: drawMarks })[what]?.());
}
