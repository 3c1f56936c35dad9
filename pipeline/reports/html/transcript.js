// The transcript: makes the static table searchable and clickable.

function matches(utterance, { words, label, flag, speaker }) {
  if (words && !utterance.text.toLocaleLowerCase().includes(words)) return false;
  if (label === "none" && utterance.labels.length) return false;
  if (["positive", "neutral", "negative"].includes(label) && utterance.sentiment !== label) return false;
  if (data.emotions.includes(label) && !utterance.labels.includes(label)) return false;
  if (speaker && utterance.speaker !== speaker) return false;
  if (flag === "-") return utterance.flags.length === 0;
  return !flag || utterance.flags.includes(flag);
}

function marked(text, words) {
  if (!words) return [text];
  const pieces = [], lower = text.toLocaleLowerCase();
  let from = 0;
  // A letter whose lower case is longer shifts the matches: such a text is shown without highlighting.
  if (lower.length !== text.length) return [text];
  for (let at = lower.indexOf(words); at >= 0; at = lower.indexOf(words, from)) {
    pieces.push(text.slice(from, at), make("mark", {}, text.slice(at, at + words.length)));
    from = at + words.length;
  }
  return [...pieces, text.slice(from)];
}

const highlighted = rows.map(() => "");  // what is marked in each row
function applyFilters() {
  const wanted = { words: byId("search").value.trim().toLocaleLowerCase(), label: byId("by-label").value, flag: byId("by-flag").value, speaker: byId("by-speaker")?.value };
  const before = state.shown;
  state.shown = utterances.map((utterance) => matches(utterance, wanted));
  rows.forEach((row, i) => {
    if (state.shown[i] !== before[i]) row.hidden = !state.shown[i];
    if (!state.shown[i] || highlighted[i] === wanted.words) return;
    row.querySelector(".words").replaceChildren(...marked(utterances[i].text, wanted.words));
    highlighted[i] = wanted.words;
  });
  const count = state.shown.filter(Boolean).length, any = Object.values(wanted).some(Boolean);
  byId("count").textContent = any ? `${count} of ${utterances.length}` : "";
  byId("clear").hidden = !any;
  if (byId("nothing")) byId("nothing").hidden = count > 0;
  changed("filter");
}

let currentRow = null;
function showCurrentRow() {
  const row = rows[state.selected], frame = byId("table-frame");
  if (row !== currentRow) {
    currentRow?.classList.remove("current");
    currentRow?.removeAttribute("aria-current");
    currentRow?.setAttribute("tabindex", "-1");
    currentRow = row;
  }
  if (!row) return;
  row.classList.add("current");
  row.setAttribute("aria-current", "true");
  row.tabIndex = 0;
  if (!frame || !byId("follow").checked) return;
  // Scroll only the frame, not the page.
  const top = row.offsetTop - 40, bottom = row.offsetTop + row.offsetHeight;
  if (top < frame.scrollTop || bottom > frame.scrollTop + frame.clientHeight) frame.scrollTop = row.offsetTop - frame.clientHeight / 3;
}

function startTranscript() {
  const body = document.querySelector("#utterances tbody"), indexOf = (event) => Number(event.target.closest("tr").dataset.i);
  body?.addEventListener("click", (event) => {
    if (!String(getSelection())) select(indexOf(event));
  });
  body?.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); select(neighbour(step)); rows[state.selected].focus(); }
    if (event.key === "Enter") { select(indexOf(event)); playSelected(); }
  });
  byId("search").addEventListener("input", applyFilters);
  byId("by-label").addEventListener("change", applyFilters);
  byId("by-flag").addEventListener("change", applyFilters);
  byId("by-speaker")?.addEventListener("change", applyFilters);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(applyFilters));
  document.querySelectorAll("[data-jump]").forEach((link) => link.addEventListener("click", (event) => {
    event.preventDefault();
    select(Number(link.dataset.jump));
  }));
  showCurrentRow();
  onChange((what) => { if (what === "selected") showCurrentRow(); });
}
