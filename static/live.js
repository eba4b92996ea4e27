// On the home page and the newest page of a statement: polls the stream of events. If there is a new
// event, loads the page again and replaces its parts. Without this file, reloading shows the same.
// If the session has ended, reloads the page, which leads to the sign-in page.
(() => {
  "use strict";
  const source = document.querySelector("template[data-live]");
  if (!source) return;
  const LONGEST = 300_000, SHOWN = 20_000, NAMED = 3;
  const BY_ITSELF = { "X-By-Itself": "yes" };
  const parts = (page) => [...page.querySelectorAll("[data-live-part]")];
  const rows = (page) => new Map([...page.querySelectorAll("[data-live-part] tr.entry")].map(
    (row) => [row.querySelector("a").getAttribute("href") + row.querySelector(".entry__amount").textContent, row]));
  const text = (row, selector) => row.querySelector(selector).textContent.trim().replace(/\s+/g, " ");
  let last = source.dataset.since, failures = 0, isNew = false, timer = 0, isAsking = false;
  let updated = new Date(), outage = null;

  // While the reader selects text or has something open, the parts are not replaced.
  const isBusy = () => !getSelection().isCollapsed
    || document.querySelector("[data-live-part] details[open], dialog[open]");

  const announce = (added) => {
    if (!added.length) return;
    const toast = source.content.cloneNode(true);
    const words = added.slice(0, NAMED).map((row) => {
      const amount = text(row, ".entry__amount");
      const currency = /[A-Z]{3}$/.test(amount) ? "" : ` ${source.dataset.currency}`;
      return `${text(row, ".entry__name a")}, ${amount}${currency}`;
    });
    const more = added.length > NAMED ? `; +${added.length - NAMED}` : "";
    toast.querySelector("p").textContent = `${source.dataset.prefix} ${words.join("; ")}${more}`;
    const messages = document.getElementById("messages");
    messages.querySelectorAll(".toast--live").forEach((old) => old.remove());
    const box = toast.firstElementChild;
    messages.append(toast);
    setTimeout(() => box.remove(), SHOWN); // the row in the table stays
  };

  // Shows once per outage from when the amounts are. A single failure may be a restart of the server.
  const showOutage = () => {
    if (outage || (failures < 2 && navigator.onLine)) return;
    const toast = source.content.cloneNode(true), time = document.createElement("time");
    time.textContent = updated.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    toast.querySelector("p").append("No connection to the bank. This page shows the amounts of ", time, ".");
    outage = toast.firstElementChild;
    document.getElementById("messages").append(toast);
  };
  const endOutage = () => {
    outage?.remove();
    [failures, outage] = [0, null];
    if (!isNew) updated = new Date();
  };

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: BY_ITSELF, cache: "no-store", redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload(); // to the page that the reader needs first
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = new Map(parts(page).map((part) => [part.dataset.livePart, part]));
    const now = page.querySelector("template[data-live]");
    if (!now || isBusy()) return;
    const known = rows(document);
    const added = [...rows(page)].filter(([key]) => !known.has(key)).map(([, row]) => row);
    const focused = document.activeElement?.closest("[data-live-part] a")?.getAttribute("href");
    added.forEach((row) => row.classList.add("entry--new"));
    announce(added);
    parts(document).forEach((part) => {
      const before = part.offsetHeight;
      part.replaceChildren(...(fresh.get(part.dataset.livePart)?.childNodes ?? []));
      if (part.getBoundingClientRect().top < 0) scrollBy({ top: part.offsetHeight - before, behavior: "instant" });
    });
    if (focused) document.querySelector(`[data-live-part] a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    last = now.dataset.since;
    isNew = false;
  };

  const later = (milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(ask, milliseconds);
  };

  const ask = async () => {
    if (document.hidden || isAsking) return;
    isAsking = true;
    let wait = 5000;
    try {
      const answer = await fetch(source.dataset.live, { headers: { ...BY_ITSELF, "Last-Event-ID": last }, cache: "no-store" });
      if (answer.status === 401) return location.reload(); // signed out
      if ([400, 403, 404].includes(answer.status)) return; // stop polling
      if (!answer.ok) throw new Error(answer.statusText);
      const events = await answer.text();
      wait = Number(/^retry: (\d+)$/m.exec(events)?.[1] ?? wait);
      isNew ||= /^data: /m.test(events);
      last = [...events.matchAll(/^id: (.*)$/gm)].pop()?.[1] ?? last;
      if (isNew && !isBusy()) await refresh();
      endOutage();
    } catch {
      failures += 1;
      showOutage();
      wait = Math.min(wait * 2 ** failures, LONGEST);
    } finally {
      isAsking = false;
    }
    later(wait);
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) later(0); });
  addEventListener("online", () => later(0));
  addEventListener("pageshow", (event) => { if (event.persisted) later(0); });
  later(5000);
})();
