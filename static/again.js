// Sends a form again whose answer did not come: on the page of a database that is away.
(() => {
  "use strict";
  const form = document.querySelector("form[data-again]");
  if (form) setTimeout(() => form.submit(), Number(form.dataset.again) * 1000);
})();
