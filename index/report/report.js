"use strict";
const controls = document.getElementById("controls");
const list = document.getElementById("cards");
const cards = [...list.children];

function has(words, word) { return words.split(" ").includes(word); }

function shows(card, wanted) {
  const { target, source, ratio, marks, group, verdict, review } = card.dataset;
  return (!wanted.target || target === wanted.target)
    && (!wanted.source || source === wanted.source)
    && (!wanted.least || Number(ratio) >= Number(wanted.least))
    && (!wanted.most || Number(ratio) <= Number(wanted.most))
    && (!wanted.group || has(group, wanted.group))
    && (!wanted.verdict || has(verdict, wanted.verdict))
    && (!wanted.review || (review || "open") === wanted.review)
    && (!wanted.marks || (wanted.marks === "none" ? !marks : has(marks, wanted.marks)));
}

function place(card, order) {
  // A row without a margin comes last.
  return card.dataset[order] === "" ? Infinity : Number(card.dataset[order]);
}

function update() {
  const wanted = Object.fromEntries(new FormData(controls));
  for (const card of cards) card.hidden = !shows(card, wanted);
  const sorted = [...cards].sort((a, b) => {
    const [x, y] = [place(a, wanted.order), place(b, wanted.order)];
    return x === y ? Number(a.dataset.row) - Number(b.dataset.row) : x - y;
  });
  list.append(...sorted);
  const count = cards.filter((card) => !card.hidden).length;
  document.getElementById("shown").textContent = `${count} of ${cards.length} rows shown`;
}

// What the reader decides stays in the page until the list is downloaded.
const download = document.getElementById("download");
let kept = true;

function decided(decision) { return cards.filter((card) => card.dataset.review === decision); }

function decide(card, decision) {
  // The same button again takes it back.
  card.dataset.review = card.dataset.review === decision ? "" : decision;
  for (const button of card.querySelectorAll("[data-decision]")) {
    button.setAttribute("aria-pressed", String(button.dataset.decision === card.dataset.review));
  }
  const [rejected, accepted] = [decided("reject").length, decided("accept").length];
  document.getElementById("decided").textContent = rejected + accepted
    ? `${rejected} rejected, ${accepted} accepted` : "Nothing decided yet";
  download.disabled = !(rejected + accepted);
  kept = download.disabled;
}

function save() {
  const keys = (decision) => decided(decision).map((card) => card.dataset.key);
  const content = { bank: download.dataset.bank, rows: download.dataset.rows,
    reject: keys("reject"), accept: keys("accept") };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
  link.download = "rejected.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
  kept = true;
}

list.addEventListener("click", (event) => {
  const button = event.target.closest("[data-decision]");
  if (button) decide(button.closest("article"), button.dataset.decision);
});
download.addEventListener("click", save);
addEventListener("beforeunload", (event) => { if (!kept) event.preventDefault(); });
controls.addEventListener("change", update);
controls.addEventListener("reset", () => setTimeout(update));
// A browser may have kept the choices of an earlier visit.
update();
