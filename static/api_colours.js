"use strict";

// Sets the class for Swagger UI's dark colours, by the reader's choice or the setting of the system. Runs before the
// page is painted.
const system = matchMedia("(prefers-color-scheme: dark)");
function follow() {
  const chosen = document.documentElement.dataset.theme;
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : system.matches);
}
system.addEventListener("change", follow);
follow();
