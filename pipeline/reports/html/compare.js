// The page of a comparison: disagreements of one question, and keys to go through them.

document.documentElement.classList.add("scripted");
const table = document.getElementById("disagreements"), question = document.getElementById("question");
const rows = table ? [...table.tBodies[0].rows] : [];
const shown = () => rows.filter((row) => !row.hidden);
function filter() {
  rows.forEach((row) => { row.hidden = question.value !== "" && row.dataset.question !== question.value; });
  document.getElementById("count").textContent = rows.length ? `${shown().length} of ${rows.length}` : "";
}
question.addEventListener("change", filter);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input") || !["j", "k"].includes(event.key)) return;
  const links = shown().map((row) => row.querySelector("a")).filter(Boolean);
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[(at + (event.key === "j" ? 1 : links.length - 1 + (at < 0))) % links.length].focus();
});
filter();
