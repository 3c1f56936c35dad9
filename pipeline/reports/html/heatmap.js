// The attention maps: Figure 3 of the paper for every pair of modalities of this video.

const MARGIN = 26;  // pixels for the axis numbers of a map
let maps = [];
let shownPair = 0;
let cellUnder = null;  // { map, i, j }

const PALETTE_STEPS = 255;
const FINEST = 520;  // cells along a side of the image; a map is at most that many pixels wide

// 256 colours from the uniform weight 1/u, which singles out no utterance, to the largest weight of all maps: the same
// colour is the same weight in every map. By the square root, which separates small weights.
function palette() {
  const style = getComputedStyle(document.documentElement);
  const [low, high] = ["--heat-low", "--heat-high"].map((name) => style.getPropertyValue(name).split(",").map(Number));
  return Array.from({ length: PALETTE_STEPS + 1 }, (_, step) => low.map((from, n) => Math.round(from + (high[n] - from) * Math.sqrt(step / PALETTE_STEPS))));
}

let largestOfAll = 0;
function largestWeight() {
  if (!largestOfAll) {
    const matrices = data.attention.flatMap((pair) => (pair.pair[0] === pair.pair[1] ? [pair.n1] : [pair.n1, pair.n2]));
    largestOfAll = Math.max(...matrices.map((matrix) => unpacked(matrix, data.attention[0].size).largest));
  }
  return largestOfAll;
}

// The weights as an image, painted once and scaled when drawn: a pixel per cell, or the largest of several cells where
// there are more than `FINEST`.
function picture(map) {
  const { matrix, size } = map, colours = palette(), uniform = 1 / size, range = Math.max(largestWeight() - uniform, 1e-6);
  const side = Math.min(size, FINEST), steps = new Uint8Array(side * side);
  for (let i = 0; i < size; i += 1) {
    const line = side * Math.floor(i * side / size);
    for (const [j, weight] of matrix.row(i)) {
      const place = line + Math.floor(j * side / size);
      steps[place] = Math.max(steps[place], Math.round(PALETTE_STEPS * Math.min(Math.max((weight - uniform) / range, 0), 1)));
    }
  }
  const canvas = make("canvas", { width: side, height: side });
  const pen = canvas.getContext("2d"), image = pen.createImageData(side, side);
  steps.forEach((step, place) => image.data.set([...colours[step], 255], 4 * place));
  pen.putImageData(image, 0, 0);
  return canvas;
}

function drawMap(map) {
  const { canvas, size } = map;
  const width = canvas.clientWidth, ratio = window.devicePixelRatio || 1;
  if (!width) return;
  const side = width - MARGIN, cell = side / size;
  const height = Math.min(side, size * 64) + MARGIN;
  map.cell = { width: cell, height: (height - MARGIN) / size };
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  pen.scale(ratio, ratio);
  map.picture ??= picture(map);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(map.picture, MARGIN, MARGIN, side, height - MARGIN);
  const gap = cell > 8 ? 1 : 0;  // a thin grid where the cells are large enough to be counted
  pen.fillStyle = style.getPropertyValue("--sheet");
  for (let n = 1; gap && n <= size; n += 1) {
    pen.fillRect(MARGIN + n * cell - gap, MARGIN, gap, height - MARGIN);
    pen.fillRect(MARGIN, MARGIN + n * map.cell.height - gap, side, gap);
  }
  pen.fillStyle = style.getPropertyValue("--soft");
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const every = Math.max(1, Math.ceil(22 / Math.min(cell, map.cell.height)));
  for (let n = 0; n < size; n += every) {
    pen.textAlign = "center";
    pen.fillText(numberOf(utterances[n]), MARGIN + (n + 0.5) * cell, MARGIN / 2);
    pen.textAlign = "right";
    pen.fillText(numberOf(utterances[n]), MARGIN - 6, MARGIN + (n + 0.5) * map.cell.height);
  }
  pen.strokeStyle = style.getPropertyValue("--negative");
  pen.lineWidth = 1.5;
  if (state.selected >= 0) pen.strokeRect(MARGIN, MARGIN + state.selected * map.cell.height, side - gap, map.cell.height - gap);
  if (cellUnder?.map === map) {
    pen.strokeStyle = style.getPropertyValue("--ink");
    pen.strokeRect(MARGIN + cellUnder.j * cell, MARGIN + cellUnder.i * map.cell.height, cell - gap, map.cell.height - gap);
  }
}
const drawMaps = () => maps.forEach(drawMap);

// The cell under the pointer, and the largest weights of its row.
function tell(map, i, j) {
  cellUnder = { map, i, j };
  const order = map.matrix.row(i).sort((a, b) => b[1] - a[1]), weight = order.find(([n]) => n === j)?.[1];
  const line = ([n, share]) => {
    const item = bar(`#${numberOf(utterances[n])} ${shortened(utterances[n].text, 80)}`, share, percent(share), n === j ? "labelled" : "");
    item.style.setProperty("--color", "rgb(var(--heat-high))");
    item.title = utterances[n].text;
    return item;
  };
  byId("cell").replaceChildren(
    make("p", { class: "weight" }, make("b", {}, `#${numberOf(utterances[i])} to #${numberOf(utterances[j])}: weight ${weight !== undefined ? weight.toFixed(3) : "below the strongest of its row"}`),
      ` (spread evenly: ${(1 / map.size).toFixed(3)})`),
    make("p", {}, `From the ${MODALITY_WORDS[map.query]} of `, make("q", {}, shortened(utterances[i].text, 140)), ` to the ${MODALITY_WORDS[map.key]} of`),
    make("ul", { class: "meter-list attended" }, ...order.slice(0, 6).map(line)));
  drawMaps();
}

function mapOf(pair, direction) {
  const [query, key] = direction === 0 ? pair.pair : [...pair.pair].reverse();
  const matrix = unpacked(direction === 0 ? pair.n1 : pair.n2, pair.size);
  const canvas = make("canvas", { tabindex: 0, role: "img", "aria-label": `Attention of ${MODALITY_WORDS[query]} to ${MODALITY_WORDS[key]}, ${pair.size} by ${pair.size}; arrow keys move over the cells` });
  const map = { canvas, matrix, size: pair.size, query, key };
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    const i = Math.floor((event.clientY - box.top - MARGIN) / map.cell.height), j = Math.floor((event.clientX - box.left - MARGIN) / map.cell.width);
    return i >= 0 && j >= 0 && i < map.size && j < map.size ? [i, j] : null;
  };
  canvas.addEventListener("pointermove", (event) => { const found = under(event); if (found) tell(map, ...found); });
  canvas.addEventListener("click", (event) => { const found = under(event); if (found) select(found[0]); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const from = cellUnder?.map === map ? cellUnder : { i: Math.max(state.selected, 0), j: 0 };
    const within = (n) => Math.min(Math.max(n, 0), map.size - 1);
    tell(map, within(from.i + step[0]), within(from.j + step[1]));
  });
  const kept = matrix.kept < pair.size ? `; the ${matrix.kept} strongest of each row are shown, all are in the JSON report` : "";
  map.figure = make("figure", {},
    make("figcaption", {}, make("b", {}, `${MODALITY_WORDS[query]} → ${MODALITY_WORDS[key]}`), ` ${direction === 0 ? "N1" : "N2"}${kept}`),
    canvas, make("p", { class: "scale" }, `${(1 / pair.size).toFixed(2)} (even)`, make("i"), largestWeight().toFixed(2)));
  return map;
}

// Without a pointer on a map: the strongest cell of the selected utterance's row.
function tellSelected() {
  const map = maps[0], i = Math.max(state.selected, 0);
  tell(map, i, map.matrix.row(i).reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0]);
}

function showPair(number) {
  shownPair = number;
  cellUnder = null;
  const pair = data.attention[number];
  [...byId("pairs").children].forEach((tab, n) => tab.setAttribute("aria-selected", String(n === number)));
  maps = (pair.pair[0] === pair.pair[1] ? [0] : [0, 1]).map((direction) => mapOf(pair, direction));
  byId("maps").replaceChildren(...maps.map((map) => map.figure), byId("cell"));
  tellSelected();
}

// Nothing is drawn before the maps come into view: most choices of an utterance are made far above them.
function startHeatmaps() {
  if (!byId("attention")) return;
  data.attention.forEach((pair, number) =>
    byId("pairs").append(make("button", { type: "button", role: "tab", onclick: () => showPair(number) }, [...new Set(pair.pair)].map((name) => MODALITY_WORDS[name]).join(" and "))));
  let inView = false, stale = true;
  const refresh = () => {
    if (!inView || !stale) return;
    stale = false;
    if (maps.length) tellSelected(); else showPair(shownPair);
  };
  new IntersectionObserver((entries) => { inView = entries[entries.length - 1].isIntersecting; refresh(); }, { rootMargin: "200px" }).observe(byId("attention"));
  new ResizeObserver(drawMaps).observe(byId("maps"));
  onChange((what) => {
    if (what === "theme") maps.forEach((map) => { map.picture = null; });
    if (what === "theme" || what === "selected") { stale = true; refresh(); }
  });
}
