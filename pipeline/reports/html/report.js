// Initialisation of the page: player, keys and theme.

function onTime() {
  state.time = media.currentTime;
  const repeated = byId("repeat").checked && !media.paused ? utterances[state.selected] : null;
  if (repeated && state.time >= repeated.end) { seek(repeated.start); return; }
  if (stopAt !== null && state.time >= stopAt) { media.pause(); stopAt = null; }
  const i = utteranceAt(state.time);
  // The card follows the playback; while paused, the selection is kept.
  if (!media.paused && !repeated && byId("follow").checked && i >= 0 && i !== state.selected) { state.selected = i; changed("selected"); }
  changed("time");
}

function startPlayer() {
  if (!media) return;
  const tick = () => { onTime(); if (!media.paused) requestAnimationFrame(tick); };
  media.addEventListener("play", tick);
  media.addEventListener("seeking", onTime);
  media.addEventListener("pause", () => { stopAt = null; });
  const speed = byId("speed");
  speed.addEventListener("change", () => { media.playbackRate = Number(speed.value); });
  media.addEventListener("ratechange", () => { speed.value = String(media.playbackRate); });  // also from the browser's own menu
  media.addEventListener("error", () => { byId("media-error").hidden = false; });
  if (media.error) byId("media-error").hidden = false;
  if (media.tagName === "VIDEO" && window.VTTCue) {
    const track = media.addTextTrack("captions", "Words and labels", "");
    utterances.forEach((utterance) => {
      const escaped = utterance.text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
      track.addCue(new VTTCue(utterance.start, Math.max(utterance.end, utterance.start + 0.1), escaped));
    });
    track.mode = "hidden";
  }
}

const SKIP = 5;  // seconds
function skip(seconds) {
  if (media) seek(Math.min(Math.max(media.currentTime + seconds, 0), media.duration || Infinity));
}
function changeSpeed(step) {
  const speed = byId("speed");
  if (!media) return;
  speed.selectedIndex = Math.min(Math.max(speed.selectedIndex + step, 0), speed.options.length - 1);
  media.playbackRate = Number(speed.value);
}

// On paper everything is open: the provenance belongs to a printed report.
function startPrinting() {
  let closed = [];
  addEventListener("beforeprint", () => { closed = [...document.querySelectorAll("details:not([open])")]; closed.forEach((part) => { part.open = true; }); });
  addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
}

// Scrolled out of view, the video is docked in a corner; its place on the page keeps its height.
function startDocking() {
  const player = byId("player");
  if (!player || media.tagName !== "VIDEO" || !window.IntersectionObserver) return;
  new IntersectionObserver(([entry]) => {
    const above = !entry.isIntersecting && entry.boundingClientRect.bottom < 0;
    if (above) player.style.setProperty("--docked-height", `${player.offsetHeight}px`);
    player.classList.toggle("docked", above);
  }).observe(player);
}

function startTheme() {
  const root = document.documentElement, button = byId("theme-button"), dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const show = () => { button.textContent = isDark() ? "Light" : "Dark"; changed("theme"); };
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; show(); });
  dark.addEventListener("change", show);
  show();
}

function startKeys() {
  const help = byId("help-button");
  const toggleHelp = () => { byId("help").hidden = !byId("help").hidden; help.setAttribute("aria-expanded", String(!byId("help").hidden)); };
  help.addEventListener("click", toggleHelp);
  const actions = {
    j: () => select(neighbour(1)), k: () => select(neighbour(-1)), p: playSelected,
    " ": () => { if (media) { if (media.paused) media.play().catch(() => {}); else media.pause(); } },
    "/": () => byId("search").focus(), f: () => { byId("follow").checked = !byId("follow").checked; },
    ArrowLeft: () => skip(-SKIP), ArrowRight: () => skip(SKIP), "<": () => changeSpeed(-1), ">": () => changeSpeed(1),
    l: () => { if (media) byId("repeat").checked = !byId("repeat").checked; },
    "+": () => zoom(1.6), "-": () => zoom(1 / 1.6), "?": toggleHelp,
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && byId("filters")) { byId("filters").reset(); byId("search").blur(); return; }
    const typing = event.target.closest("input, select, textarea, video, audio, summary, a, button");
    if (event.ctrlKey || event.metaKey || event.altKey || (typing && (event.key === " " || typing.matches("input[type=search], select")))) return;
    if (event.key.startsWith("Arrow") && (typing || event.target.closest("tr, canvas, #scroller"))) return;
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action) { event.preventDefault(); action(); }
  });
}

document.documentElement.classList.add("scripted");
startTranscript();
startTimeline();
startCard();
startHeatmaps();
startPlayer();
startDocking();
startKeys();
startPrinting();
startEditor();
startTheme();
