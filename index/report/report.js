"use strict";
const controls = document.getElementById("controls");
const list = document.getElementById("cards");
const cards = [...list.children];

function has(words, word) { return words.split(" ").includes(word); }

function shows(card, wanted) {
  const { target, source, ratio, marks, group } = card.dataset;
  return (!wanted.target || target === wanted.target)
    && (!wanted.source || source === wanted.source)
    && (!wanted.least || Number(ratio) >= Number(wanted.least))
    && (!wanted.most || Number(ratio) <= Number(wanted.most))
    && (!wanted.group || has(group, wanted.group))
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

controls.addEventListener("change", update);
controls.addEventListener("reset", () => setTimeout(update));
// A browser may have kept the choices of an earlier visit.
update();
