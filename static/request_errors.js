// On pages with htmx: if a request fails, or a search is slow, shows the reason, and then the text of
// template[data-shown], such as for which words the page shows results.
(() => {
  "use strict";
  const SLOW = 3000, REFUSED = 409;
  const place = document.getElementById("request-errors");
  if (!place) return;
  let latest = null, timer = 0, failedSearch = null;

  const show = (reason) => {
    const [alert, line, title] = ["div", "p", "b"].map((name) => document.createElement(name));
    const shown = document.querySelector("template[data-shown]");
    alert.className = "alert alert--warn";
    title.textContent = reason;
    line.append(title, " ", shown ? shown.content.cloneNode(true) : "");
    alert.append(line);
    place.replaceChildren(alert);
    alert.scrollIntoView({ block: "nearest" });
  };

  // The title of the error page, and the reason of a refusal. The rest of the page is for readers
  // who have left the form: "Go back".
  const messageOf = (xhr) => {
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    const names = [".page-head__sentence", ...(xhr.status === REFUSED ? [".page-head__subline"] : [])];
    const parts = names.map((name) => page.querySelector(name)?.textContent.trim().replace(/\s+/g, " "));
    return parts.filter(Boolean).map((part) => part.replace(/\.?$/, ".")).join(" ") || "The server has a problem.";
  };

  const isSearch = (event) => event.detail.requestConfig.verb === "get";
  const fail = (event, reason) => {
    failedSearch = isSearch(event) ? event.detail.elt : null;
    show(reason ?? messageOf(event.detail.xhr));
  };

  document.addEventListener("htmx:beforeSend", (event) => {
    latest = event.detail.xhr;
    failedSearch = null;
    clearTimeout(timer);
    if (isSearch(event)) timer = setTimeout(show, SLOW, "No answer yet.");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr === latest) clearTimeout(timer); // otherwise a newer request has replaced it
    if (event.detail.successful) place.replaceChildren();
  });
  document.addEventListener("htmx:sendError", (event) => fail(event, "No connection."));
  document.addEventListener("htmx:timeout", (event) => fail(event, "No answer."));
  document.addEventListener("htmx:responseError", (event) => fail(event));
  // A search is repeated automatically. Other forms wait for the reader.
  addEventListener("online", () => failedSearch?.requestSubmit());
})();
