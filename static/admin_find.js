// "/" focuses the search, Esc leaves it. The search works without this file.
(() => {
  "use strict";
  const box = document.getElementById("find");
  document.addEventListener("keydown", (event) => {
    if (!box || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const here = event.target;
    if (event.key === "Escape" && here === box) box.blur();
    const writing = here instanceof Element && here.closest("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || writing || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
})();
