"use strict";

// Swagger UI has dark colours of its own, by a class: that of the reader's choice, or of the system. Runs before the
// page is painted.
const system = matchMedia("(prefers-color-scheme: dark)");
function follow() {
  const chosen = document.documentElement.dataset.theme;
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : system.matches);
}
system.addEventListener("change", follow);
follow();
