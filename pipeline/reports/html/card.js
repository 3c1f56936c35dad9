// The card: all measurements of the selected utterance.

const MODALITY_WORDS = { text: "words", acoustic: "voice", visual: "face" };  // as the page calls the modalities
let spokenWords = [];

function bar(name, share, text, classes) {
  const fill = make("i");
  fill.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return make("li", { class: classes }, make("span", {}, name), make("span", { class: "track" }, fill), make("b", {}, text));
}

function gauge(utterance) {
  const lean = leanOf(utterance), fill = make("i", { class: lean >= 0 ? "positive" : "negative" });
  fill.style.width = `${Math.abs(lean) * 50}%`;
  const sign = utterance.intensity > 0 ? "+" : utterance.intensity < 0 ? "−" : "";
  const intensity = utterance.intensity === null ? null : `, strength ${sign}${Math.abs(utterance.intensity).toFixed(1)} on the scale from −3 to +3`;
  const others = Object.entries(utterance.probabilities).filter(([name]) => name !== utterance.sentiment).map(([name, p]) => `${name} ${percent(p)}`).join(", ");
  return make("div", { class: "gauge" },
    make("span", {}, "negative"), make("span", { class: "track" }, fill), make("span", {}, "positive"),
    make("p", { class: "verdict" }, make("b", { class: utterance.sentiment }, verdictOf(utterance)), ` (${others})`, intensity));
}

function emotionBars(utterance) {
  const order = data.emotions.map((_, n) => n).sort((a, b) => utterance.emotions[b] - utterance.emotions[a]);
  return make("section", {}, make("h3", {}, "Emotions ", make("small", {}, utterance.labels.length ? `labelled ${utterance.labels.join(", ")}` : "none labelled")),
    make("ul", { class: "meter-list" }, ...order.map((n) => {
      const emotion = data.emotions[n];
      return bar(emotion, utterance.emotions[n], percent(utterance.emotions[n]), `${emotion}${utterance.labels.includes(emotion) ? " labelled" : ""}`);
    })));
}

const degrees = (angle) => (angle === null ? "–" : `${String(Math.round(angle) || 0).replace("-", "−")}°`);  // never "−0°"

function faceFacts(utterance) {
  if (!utterance.modalities.includes("visual") && !utterance.units.length) {
    return make("section", {}, make("h3", {}, "Face"), make("p", { class: "plain-list" }, "No face was used for this utterance."));
  }
  const [pitch, yaw, roll] = utterance.head;
  const head = pitch === null ? null : make("p", { class: "plain-list" }, `Head: nod ${degrees(pitch)}, turn ${degrees(yaw)}, tilt ${degrees(roll)}`);
  const choice = utterance.faces > 1 ? make("p", { class: "plain-list" }, `${utterance.faces} faces; this one is the speaker's with a probability of ${percent(utterance.faceConfidence)}.`) : null;
  return make("section", {}, make("h3", {}, "Face ", make("small", {}, "action units, standard deviations above MOSEI's mean")),
    utterance.units.length
      ? make("ul", { class: "meter-list units" }, ...utterance.units.map(([name, score]) => bar(data.units[name], score / 4, `+${score.toFixed(1)}`, "")))
      : make("p", { class: "plain-list" }, "Nothing out of the ordinary."),
    head, choice);
}

let pitches = null;  // of all utterances, in order of size
function usualPitch() {
  pitches ??= utterances.map((utterance) => utterance.pitch).filter((pitch) => pitch !== null).sort((a, b) => a - b);
  return pitches[Math.floor(pitches.length / 2)];
}

function voiceFacts(utterance) {
  const lines = [];
  if (utterance.pitch !== null) {
    const usual = usualPitch();
    const change = usual > 0 && utterance.pitch > 0 ? 12 * Math.log2(utterance.pitch / usual) : null;
    const against = change === null || pitches.length < 2 ? "" : `, ${change >= 0 ? "+" : "−"}${Math.abs(change).toFixed(1)} semitones against the video's median`;
    lines.push(make("p", {}, make("b", {}, `${utterance.pitch.toFixed(0)} Hz`), ` pitch${against}`));
  }
  if (utterance.voice !== null) lines.push(make("p", {}, make("b", {}, percent(utterance.voice)), " voiced"));
  const rate = utterance.words.length / Math.max(utterance.end - utterance.start, 0.1);
  lines.push(make("p", {}, make("b", {}, rate.toFixed(1)), " words per second", utterance.asr === null ? null : `, recognised with ${percent(utterance.asr)} confidence`));
  return make("section", {}, make("h3", {}, "Voice and words"), make("div", { class: "plain-list" }, ...lines));
}

function attended(utterance) {
  if (!data.attention.length || utterances.length < 2) return null;
  const lines = utterance.attended.map(([query, key, j, weight]) => {
    const self = utterances[j] === utterance;
    const target = make("button", { type: "button", class: "link", title: shortened(utterances[j].text, 120), onclick: () => select(j) }, self ? "this utterance" : `#${numberOf(utterances[j])}`);
    return make("p", {}, `from its ${MODALITY_WORDS[query]} to the ${MODALITY_WORDS[key]} of `, target, `: ${percent(weight)}`);
  });
  return make("section", {}, make("h3", {}, "Attention ", make("small", {}, "where the network looked most")),
    make("div", { class: "plain-list" }, ...(lines.length ? lines : ["Spread evenly over the utterances."])));
}

function showCard() {
  const card = byId("card"), utterance = utterances[state.selected];
  if (!utterance) { card.replaceChildren(make("p", { class: "empty" }, "No utterance: nothing was said.")); return; }
  spokenWords = utterance.text.split(" ").map((word, n) => make("span", { class: utterance.unsure.includes(n) ? "unsure" : null }, word));
  const pieces = spokenWords.flatMap((word, n) => (n ? [" ", word] : [word]));
  card.replaceChildren(
    make("header", {},
      make("span", {}, make("b", {}, `#${numberOf(utterance)}`), `  ${precise(utterance.start)} to ${precise(utterance.end)}, ${(utterance.end - utterance.start).toFixed(1)} s`),
      make("span", { class: "buttons" },
        make("button", { type: "button", "aria-label": "Previous utterance", onclick: () => select(neighbour(-1)) }, "←"),
        media ? make("button", { type: "button", onclick: playSelected }, "Play") : null,
        make("button", { type: "button", "aria-label": "Next utterance", onclick: () => select(neighbour(1)) }, "→"))),
    make("blockquote", {}, ...pieces),
    gauge(utterance),
    make("div", { class: "facets" }, emotionBars(utterance), faceFacts(utterance), voiceFacts(utterance), ...[attended(utterance)].filter(Boolean)),
    ...utterance.flags.map((flag) => make("p", { class: "flag" }, make("b", {}, readable(flag)), `: ${data.flags[flag]}`)));
  showWord();
}
function showWord() {
  const utterance = utterances[state.selected];
  if (!utterance || !media) return;
  const since = (state.time - utterance.start) * 1000;
  const inside = state.time >= utterance.start && state.time < utterance.end;
  let current = -1;
  utterance.words.forEach((start, n) => { if (inside && start <= since) current = n; });
  spokenWords.forEach((word, n) => word.classList.toggle("spoken", n === current && (!media.paused || since > 50)));
}
let stopAt = null;
function playSelected() {
  const utterance = utterances[state.selected];
  if (!media || !utterance) return;
  seek(utterance.start);
  stopAt = utterance.end;
  media.play().catch(() => {});
}
function startCard() {
  showCard();
  onChange((what) => ({ selected: showCard, time: showWord })[what]?.());
}
