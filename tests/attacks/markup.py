"""Elements, attributes and links of a page, as a browser parses them."""

from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

# An element and an attribute that no page has, and the signs that would begin both.
ELEMENT, ATTRIBUTE = "qz-element", "qz-attribute"
MARKUP = f"\"'><{ELEMENT} {ATTRIBUTE}=1 onfocus=alert(1)>"
SCHEMES = {"", "http", "https", "mailto", "data", "otpauth"}
LINKS = ("href", "src", "action", "formaction", "data", "poster")


class Markup(HTMLParser):
    """The elements and attributes of a page in `names`, the targets of LINKS in `links`, and
    scripts and styles inside the page in `inline`. The content security policy refuses scripts and
    styles inside the page.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.inline: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.names |= {tag} | set(facts)
        self.links |= {facts[name] or "" for name in LINKS if name in facts}
        self.inline |= {f"{tag} {name}" for name in facts if name == "style" or name[:2] == "on"}
        is_data = "json" in (facts.get("type") or "")
        if tag == "style" or (tag == "script" and "src" not in facts and not is_data):
            self.inline.add(tag)


@lru_cache(maxsize=1)  # several checks read the same page
def strange_parts(page: str) -> frozenset[str]:
    """Returns the elements, attributes and links that no page of the site has."""
    markup = Markup(page)
    strange = {link for link in markup.links if urlsplit(link).scheme not in SCHEMES}
    return frozenset(strange | markup.inline | markup.names & {ELEMENT, ATTRIBUTE, "onfocus"})
