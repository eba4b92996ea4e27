"""The forms of a page as a browser would send them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from tests.attacks.reading import PageRead

SENT_AS_THEY_ARE = (
    "hidden",
    "text",
    "search",
    "email",
    "number",
    "date",
    "password",
    "url",
    "tel",
    "",
)


@dataclass(slots=True)
class PageForm:
    """A form with its initial values. `action` is a path."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    @property
    def signature(self) -> tuple[str, ...]:
        """Returns a value that is equal for the same form on two pages."""
        return (self.method, self.action, *sorted(self.values))

    def filled(self, changes: Mapping[str, str]) -> dict[str, str]:
        return {**self.values, **changes}


def forms_of(page: str, url: str) -> list[PageForm]:
    """Returns the forms of a page, in order."""
    return _Forms(page, url).found


class _Forms(HTMLParser):
    def __init__(self, page: str, url: str) -> None:
        super().__init__()
        self.url = url
        self.found: list[PageForm] = []
        self.by_id: dict[str, PageForm] = {}
        self.form: PageForm | None = None
        self.choice = ""
        self.chooses_first = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urlsplit(urljoin(self.url, facts.get("action") or self.url))
            self.form = PageForm(action.path, facts.get("method", "get").upper())
            self.found.append(self.form)
            self.by_id[facts.get("id", "")] = self.form
            return
        form = self.by_id.get(facts["form"]) if "form" in facts else self.form
        if tag == "option" and self.form is not None and self.choice:
            self._option(self.form, facts)
        if form is not None and (name := facts.get("name", "")):
            self._field(form, tag, name, facts)

    def _field(self, form: PageForm, tag: str, name: str, facts: Mapping[str, str]) -> None:
        kind = facts.get("type", "").lower()
        if tag == "select":
            self.choice = name
            self.chooses_first = "multiple" not in facts
            form.values.setdefault(name, "")
        elif kind == "file":
            form.files.add(name)
        elif tag == "button" or kind == "submit":
            if kind in ("", "submit"):
                form.values.setdefault(name, facts.get("value", ""))  # Enter presses the first
        elif tag == "textarea" or kind in SENT_AS_THEY_ARE:
            form.values[name] = facts.get("value", "")
        elif kind in ("checkbox", "radio") and "checked" in facts:
            form.values[name] = facts.get("value", "on")
        elif kind in ("radio", "checkbox"):
            form.values.setdefault(name, facts.get("value", ""))

    def _option(self, form: PageForm, facts: Mapping[str, str]) -> None:
        """Adds the value of an option: the selected option, or otherwise the first option, as in a
        browser.
        """
        if "selected" in facts or self.chooses_first:
            form.values[self.choice] = facts.get("value", "")
        self.chooses_first = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.choice = ""


def forms_seen(pages: Iterable[PageRead]) -> list[PageForm]:
    """Returns every form on these pages once. Forms with the same action, method and fields count
    as equal.
    """
    seen: dict[tuple[str, ...], PageForm] = {}
    for page in pages:
        for form in forms_of(page.html, page.url):
            seen.setdefault(form.signature, form)
    return list(seen.values())
