// Extras of the pages. Everything works without this file.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Controls that need a script are hidden in the HTML and appear here.
  const wake = (within) => all("[data-copy], [data-print], [data-dismiss]", within).forEach((el) => { el.hidden = false; });
  wake(document);
  document.addEventListener("htmx:load", (event) => wake(event.target));

  // If a form has errors, focus the first invalid field.
  document.querySelector("main [aria-invalid=true]")?.focus();

  // ---- Sends a form only once: data-once ----
  const buttonsOf = (form) => [...form.elements].filter((el) => el.type === "submit");
  const release = (form) => {
    delete form.dataset.sent;
    buttonsOf(form).forEach((button) => { button.disabled = false; });
  };
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-once]");
    if (!form || event.defaultPrevented) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    // Disabled after this event, so that the name and value of the pressed button are still sent.
    setTimeout(() => buttonsOf(form).forEach((button) => { button.disabled = true; }));
  });
  addEventListener("pageshow", () => all("form[data-sent]").forEach(release));
  document.addEventListener("htmx:afterRequest", () => all("form[data-sent]").forEach(release));

  // ---- A search field for a long list of choices: data-filter is its placeholder ----
  all("select[data-filter]").forEach((select) => {
    const options = [...select.options];
    const search = document.createElement("input");
    Object.assign(search, { type: "search", className: "filter", placeholder: select.dataset.filter, autocomplete: "off" });
    search.setAttribute("aria-label", select.dataset.filter);
    search.setAttribute("aria-controls", select.id);
    search.addEventListener("input", () => {
      const typed = search.value.toLowerCase().split(/\s+/);
      const found = options.filter((option) => typed.every((word) => option.text.toLowerCase().includes(word)));
      select.replaceChildren(...(found.length ? found : options));
      search.setAttribute("aria-invalid", String(!found.length));
      if (search.value && found.length) select.value = found[0].value;
    });
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();  // Enter chooses an option and does not send the form
      select.focus();
    });
    select.before(search);
  });

  // ---- A hint for one choice of a field: data-about is the value of the choice ----
  const showHint = (hint) => {
    hint.hidden = hint.closest(".field").querySelector("select").value !== hint.dataset.about;
  };
  document.addEventListener("change", () => all("[data-about]").forEach(showHint));
  addEventListener("pageshow", () => all("[data-about]").forEach(showHint));

  // ---- Long work: data-working is shown if the response takes longer than 300 ms ----
  const words = (form) => form.querySelector("[data-working] p");
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !words(form)) return;
    setTimeout(() => { form.querySelector("[data-working]").hidden = !form.dataset.sent; }, 300);
  });
  addEventListener("pageshow", () => all("[data-working]").forEach((el) => { el.hidden = true; }));
  // Shows the number of lines of a chosen file before it is sent.
  document.addEventListener("change", async (event) => {
    const { form, files } = event.target;
    if (!files?.[0] || files[0].size > 2 ** 25 || !form || !words(form)) return;
    const lines = (await files[0].text()).split("\n").filter((line) => line.trim()).length - 1;
    const counted = `${lines.toLocaleString("en-GB")} line${lines === 1 ? "" : "s"}`;
    if (lines > 0) words(form).textContent = `Reading and checking ${counted}. Nothing is booked yet.`;
  });

  // ---- Colours: light, dark, or the setting of the system ----
  const showTheme = (form, choice) => {
    if (choice === "auto") delete root.dataset.theme;
    else root.dataset.theme = choice;
    all("button[name=theme]", form).forEach((button) => {
      button.setAttribute("aria-pressed", String(button.value === choice));
    });
    try { localStorage.setItem("theme", choice); } catch { /* without storage, the admin keeps its choice */ }
  };
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-theme-form]") || !event.submitter) return;
    event.preventDefault();
    const body = new FormData(form);
    body.set("theme", event.submitter.value);
    showTheme(form, event.submitter.value);
    try {
      const answer = await fetch(form.action, {
        method: "POST", body, headers: { "X-Requested-With": "fetch" }, credentials: "same-origin",
        keepalive: true,  // stores the choice even if the reader leaves the page immediately
      });
      if (!answer.ok) throw new Error(answer.statusText);
    } catch {
      showTheme(form, form.dataset.themeForm || "auto");
      return;
    }
    form.dataset.themeForm = event.submitter.value;
  });

  // ---- Copy, print, close ----
  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  document.addEventListener("click", async (event) => {
    if (!(event.target instanceof Element)) return;
    all("details.menu[open], details.chip-menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
    const button = event.target.closest("button");
    if (!button) return;
    if ("dismiss" in button.dataset) button.closest(".toast")?.remove();
    if ("print" in button.dataset) print();
    if ("copy" in button.dataset && !button.dataset.label) {
      // data-copy="text", or data-copy="#id" for the text of the element with this id.
      const what = button.dataset.copy;
      const text = what.startsWith("#") ? document.querySelector(what)?.innerText : what;
      await copy(text ?? "");
      button.dataset.label = button.textContent;
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = button.dataset.label;
        delete button.dataset.label;
      }, 1600);
    }
  });

  // ---- A link to a recipient fills in the number and keeps the other fields ----
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[data-recipient]");
    const number = document.querySelector("form input[name=number]");
    if (!link || !number || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    number.value = link.dataset.recipient;
    number.form.elements.name.value = "";  // the name belongs to the previous recipient
    number.form.elements.amount.focus();
  });

  // ---- Keys: "/" searches, "g" and a letter opens a page, "?" lists the keys, Esc closes ----
  const places = () => all("a[data-go]");
  const search = () => document.querySelector("input[type=search]");
  const listKeys = () => {
    document.getElementById("keys")?.remove();
    const dialog = document.createElement("dialog");
    dialog.id = "keys";
    dialog.setAttribute("aria-labelledby", "keys-title");
    const title = document.createElement("h2");
    title.id = "keys-title";
    title.textContent = "Keys";
    const list = document.createElement("dl");
    list.className = "keys";
    const row = (keys, description) => {
      const term = document.createElement("dt");
      keys.forEach((key, index) => {
        const kbd = document.createElement("kbd");
        kbd.textContent = key;
        term.append(...(index ? [" ", kbd] : [kbd]));
      });
      const what = document.createElement("dd");
      what.textContent = description;
      list.append(term, what);
    };
    if (search()) row(["/"], search().getAttribute("placeholder") || "Search");
    places().forEach((link) => row(["g", link.dataset.go], link.textContent.trim()));
    row(["?"], "This list");
    row(["Esc"], "Close");
    const close = document.createElement("form");
    close.method = "dialog";
    const button = document.createElement("button");
    button.className = "button button--plain button--small";
    button.textContent = "Close";
    close.append(button);
    dialog.append(title, list, close);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };

  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const here = event.target;
    const writing = here instanceof Element && here.closest("input, select, textarea, [contenteditable]");
    if (event.key === "Escape") {
      const menu = document.querySelector("details.menu[open], details.chip-menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      } else if (writing && here === search()) here.blur();
      return;
    }
    if (writing || document.querySelector("dialog[open]")) return;
    if (going && event.timeStamp - going < 1500) {
      going = 0;
      const link = places().find((place) => place.dataset.go === event.key);
      if (link) {
        event.preventDefault();
        link.click();
      }
      return;
    }
    going = 0;
    if (event.key === "g") going = event.timeStamp;
    else if (event.key === "?") listKeys();
    else if (event.key === "/" && search()) {
      event.preventDefault();
      search().focus();
      search().select();
    }
  });
})();
