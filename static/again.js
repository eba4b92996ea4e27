// On the page for a database outage: sends the request again. The first time soon, because most
// outages are a failover of less than a second.
(() => {
  "use strict";
  const again = document.querySelector("[data-again]");
  if (!again) return;
  const SOON = 500, SAME_OUTAGE = 60_000, KEY = "ledger.away";
  document.querySelectorAll("[data-by-itself]").forEach((note) => { note.hidden = false; });
  let earlier = 0;
  try {
    earlier = Number(sessionStorage.getItem(KEY));
    sessionStorage.setItem(KEY, String(Date.now()));
  } catch { earlier = Date.now(); } // without storage, wait as in a repeated try
  const wait = Date.now() - earlier < SAME_OUTAGE ? Number(again.dataset.again) * 1000 : SOON;
  setTimeout(() => (again.submit ? again.submit() : location.replace(again.href)), wait);
})();
