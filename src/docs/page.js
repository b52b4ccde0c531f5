"use strict";
const search = document.getElementById("search");
const hits = document.getElementById("hits");
const sections = [...document.querySelectorAll("section")];
const words = new Map(sections.map((s) => [s.id, s.textContent.toLowerCase()]));
const items = [...document.querySelectorAll("nav li")];
const lists = [...document.querySelectorAll("nav ul")];

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = new Set();
  for (const section of sections) {
    const text = words.get(section.id);
    section.hidden = !wanted.every((word) => text.includes(word));
    if (!section.hidden) found.add(section.id);
  }
  for (const item of items) item.hidden = !found.has(item.dataset.name);
  for (const list of lists) {
    const empty = [...list.children].every((item) => item.hidden);
    list.hidden = empty;
    list.previousElementSibling.hidden = empty;
  }
  document.getElementById("lineage").hidden = wanted.length > 0;
  hits.textContent = wanted.length ? `${found.size} of ${sections.length} match` : "";
}
search.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && document.activeElement === search) {
    search.value = "";
    filter();
  }
});
// A link leads to a section even while a search hides it.
window.addEventListener("hashchange", () => {
  const section = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (section && section.hidden) {
    search.value = "";
    filter();
    section.scrollIntoView();
  }
});
for (const drawing of document.querySelectorAll(".lineage")) {
  const paths = [...drawing.querySelectorAll("path")];
  for (const box of drawing.querySelectorAll("a")) {
    const light = (on) => {
      for (const path of paths) {
        if (path.dataset.from === box.dataset.node || path.dataset.to === box.dataset.node) path.classList.toggle("lit", on);
      }
    };
    for (const name of ["mouseenter", "focus"]) box.addEventListener(name, () => light(true));
    for (const name of ["mouseleave", "blur"]) box.addEventListener(name, () => light(false));
  }
}
