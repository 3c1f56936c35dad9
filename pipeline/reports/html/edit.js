// Correcting: text, speaker, bounds and labels of an utterance, saved as a file that analyze, compare and corpus prepare read.

const corrections = new Map();  // position of the utterance -> what a person says of it
let unsaved = false;

const POLARITIES = ["negative", "neutral", "positive"];

function asShown(i) {
  const utterance = utterances[i];
  return { start: utterance.start, end: utterance.end, text: utterance.text, speaker: utterance.speaker ?? "", sentiment: null, emotions: null };
}
const corrected = (i) => corrections.get(i) ?? asShown(i);

function field(name, input) { return make("label", { class: "edit-field" }, make("span", {}, name), input); }

function editForm(i) {
  const now = corrected(i), form = make("form", { id: "edit-form", class: "edit-form" });
  const choice = (name, value, kind, checked, text) => make("label", {}, make("input", { type: kind, name, value, checked }), ` ${text}`);
  const sentiments = ["", ...POLARITIES].map((value) => choice("sentiment", value, "radio", (now.sentiment ?? "") === value, value || "not judged"));
  const judged = now.emotions !== null;
  form.append(
    make("h3", {}, `Utterance ${numberOf(utterances[i])}`),
    field("Text", make("textarea", { name: "text", rows: "3" }, now.text)),
    make("div", { class: "edit-line" },
      field("Speaker", make("input", { name: "speaker", value: now.speaker, autocomplete: "off" })),
      field("Start (s)", make("input", { name: "start", type: "number", step: "0.01", min: "0", value: now.start.toFixed(2) })),
      field("End (s)", make("input", { name: "end", type: "number", step: "0.01", min: "0", value: now.end.toFixed(2) }))),
    make("fieldset", {}, make("legend", {}, "Sentiment"), ...sentiments),
    make("fieldset", {}, make("legend", {}, "Emotions"), choice("judged", "yes", "checkbox", judged, "judged"),
      ...data.emotions.map((name) => choice("emotion", name, "checkbox", judged && now.emotions.includes(name), name))),
    make("p", { id: "edit-problem", class: "edit-problem", role: "alert" }),
    make("div", { class: "buttons" },
      make("button", { type: "submit" }, "Keep and next"),
      make("button", { type: "button", onclick: () => { corrections.delete(i); showEditor(); } }, "Undo")));
  form.addEventListener("change", (event) => { if (event.target.name === "emotion") form.elements.judged.checked = true; });
  form.addEventListener("submit", (event) => { event.preventDefault(); if (keep(i, form)) nextToEdit(i); });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
    if (event.key === "Escape") { event.stopPropagation(); toggleEditor(false); }
  });
  return form;
}

function keep(i, form) {
  const values = new FormData(form), start = Number(values.get("start")), end = Number(values.get("end"));
  const text = values.get("text").trim(), problem = byId("edit-problem");
  problem.textContent = "";
  if (!text) problem.textContent = "The text is empty: leave it as it was where nothing is said.";
  else if (!(end > start)) problem.textContent = "The end must lie after the start.";
  if (problem.textContent) return false;
  corrections.set(i, {
    start, end, text, speaker: values.get("speaker").trim(),
    sentiment: values.get("sentiment") || null,
    emotions: form.elements.judged.checked ? values.getAll("emotion") : null,
  });
  unsaved = true;
  return true;
}

function nextToEdit(i) {
  if (i + 1 < utterances.length) select(i + 1);
  showEditor();
  byId("edit-form").elements.text.focus();
}

function showEditor() {
  const editor = byId("editor");
  if (editor.hidden) return;
  const count = `${corrections.size} of ${utterances.length} looked at`;
  const name = byId("edit-by")?.value ?? "";
  editor.replaceChildren(
    make("div", { class: "bar" }, make("h2", {}, "Correct"), make("p", { class: "count", role: "status" }, count),
      make("label", {}, "By ", make("input", { id: "edit-by", value: name, autocomplete: "off", placeholder: "name" })),
      make("button", { type: "button", id: "edit-save", onclick: save }, "Save file")),
    state.selected >= 0 ? editForm(state.selected) : make("p", { class: "plain-list" }, "There is no utterance."));
}

function toggleEditor(open = byId("editor").hidden) {
  byId("editor").hidden = !open;
  byId("edit-button").setAttribute("aria-expanded", String(open));
  if (open) { showEditor(); byId("edit-form")?.elements.text.focus(); }
}

// What is saved: all utterances, so that it is a whole transcript, with labels where a person judged.
function correctedFile() {
  const entries = utterances.map((_, i) => {
    const now = corrected(i), judged = now.sentiment !== null || now.emotions !== null;
    return {
      start: now.start, end: now.end, text: now.text, speaker: now.speaker || null,
      ...(judged ? { labels: { sentiment: now.sentiment, emotions: now.emotions } } : {}),
    };
  });
  entries.sort((a, b) => a.start - b.start);
  return { corrected: { by: byId("edit-by").value.trim() || null, at: new Date().toISOString() }, source: data.source, utterances: entries };
}

function save() {
  const file = new Blob([JSON.stringify(correctedFile(), null, 1)], { type: "application/json" });
  const link = make("a", { href: URL.createObjectURL(file), download: `${data.source.name}.corrected.json` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  unsaved = false;
}

function startEditor() {
  byId("edit-button").addEventListener("click", () => toggleEditor());
  onChange((what) => { if (what === "selected") showEditor(); });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, button, a");
    if (event.key.toLowerCase() === "e" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); toggleEditor(); }
  });
  // A link from another page, report.html#u12, opens the utterance with that index.
  const asked = /^#u(\d+)$/.exec(location.hash);
  if (asked) select(utterances.findIndex((utterance) => utterance.index === Number(asked[1])));
}
