// Shared by all parts of the page: the data, the table's rows, and helpers.

const data = JSON.parse(document.getElementById("data").textContent);
const utterances = data.utterances;
const rows = [...document.querySelectorAll("#utterances tbody tr")];
rows.forEach((row, i) => { utterances[i].text = row.querySelector(".words").textContent; });

const byId = (id) => document.getElementById(id);
const percent = (share) => {
  const rounded = Math.round(100 * share);
  if (rounded === 0 && share > 0) return "<1 %";
  return rounded === 100 && share < 1 ? ">99 %" : `${rounded} %`;
};
const clock = (seconds) => {
  const whole = Math.round(seconds), minutes = Math.floor(whole / 60) % 60, hours = Math.floor(whole / 3600);
  const tail = `${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
};
const precise = (seconds) => { const tenths = Math.round(10 * seconds); return `${clock(Math.floor(tenths / 10))}.${tenths % 10}`; };
// How far an utterance leans to positive (1) or negative (-1), and its label in words.
const leanOf = (utterance) => utterance.probabilities.positive - utterance.probabilities.negative;
const verdictOf = (utterance) => `${utterance.uncertain ? "uncertain, " : ""}${utterance.sentiment} ${percent(utterance.probabilities[utterance.sentiment])}`;
const readable = (name) => name.replaceAll("_", " ");
// Utterances are counted from 1 on the page; the tables' index counts from 0.
const numberOf = (utterance) => utterance.index + 1;
const shortened = (text, length) => (text.length > length ? `${text.slice(0, length - 1).trimEnd()}…` : text);

// Make an element; text of the transcript is inserted as text, never as markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}
function draw(tag, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  return element;
}
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

function numbers(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
}

// A matrix as { row(i), kept, largest }; a row is the list of its [column, weight]. For long videos only the largest weights
// of each row are stored.
function unpacked(matrix, size) {
  const weights = numbers(matrix.weights), columns = matrix.columns ? numbers(matrix.columns) : null, kept = matrix.kept ?? size;
  const row = (i) => Array.from({ length: kept }, (_, n) => [columns ? columns[i * kept + n] : n, weights[i * kept + n] / 65535]);
  return { row, kept, largest: weights.reduce((most, value) => Math.max(most, value), 0) / 65535 };
}

// The page's state, and the listeners to its changes.
const state = { selected: utterances.length ? 0 : -1, shown: utterances.map(() => true), time: 0 };
const listeners = [];
const onChange = (listener) => listeners.push(listener);
const changed = (what) => listeners.forEach((listener) => listener(what));

const media = byId("media");
function seek(time) {
  state.time = time;
  if (media) media.currentTime = time;
  changed("time");
}
function select(i, { jump = true } = {}) {
  if (i < 0 || i >= utterances.length) return;
  state.selected = i;
  if (jump) seek(utterances[i].start + 0.001);
  changed("selected");
}
// The next utterance in a direction that passes the filters.
function neighbour(step) {
  let i = state.selected + step;
  while (i >= 0 && i < utterances.length && !state.shown[i]) i += step;
  return i;
}
function utteranceAt(time) {
  let low = 0, high = utterances.length - 1, found = -1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (utterances[middle].start <= time) { found = middle; low = middle + 1; } else high = middle - 1;
  }
  return found;
}
