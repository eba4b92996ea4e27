"""What a bank knows, and where it stands in a text."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

# An amount is a word of its own. A time has six digits behind its point, which no amount has, and
# whole amounts from here on are not mistaken for milliseconds, lines of a file or counts.
FIGURE = re.compile(r"(?<![\w.:-])\d[\d,]*(?:\.\d+)?(?![\w.:-])")
WORD = re.compile(r"[^\W\d_][\w'-]*")
OF_THE_CODE = {"transfer", "home"}  # a category and a tag of the demo, and names of pages
LEAST_WHOLE = 100_000
TOKEN = re.compile(r"[\w.-]+")
SHORTEST_WORD, SHORTEST_SUBSTRING = 4, 8


class Written:
    """A log in all ways to read it: as it is, with its escapes decoded, and with those of URLs."""

    def __init__(self, lines: Iterable[str]) -> None:
        raw = list(lines)
        decoded = [json.dumps(json.loads(line), ensure_ascii=False) for line in raw]
        self.text = "\n".join([*raw, *decoded, *map(unquote_plus, decoded)])
        self.folded = self.text.casefold()
        self.figures = set(FIGURE.findall(self.text))
        self.tokens = set(TOKEN.findall(self.text))
        self.words = set(WORD.findall(self.text))

    def leaks(self, known: Mapping[str, Iterable[Any]]) -> list[str]:
        """The facts that stand in it, each with its kind."""
        return [
            f"{kind}: {each}" for kind, facts in known.items() for each in self._of(kind, facts)
        ]

    def _of(self, kind: str, facts: Iterable[Any]) -> Iterator[str]:
        for fact in {text for each in facts for text in _texts(each)}:
            if kind in ("amount", "balance"):
                yield from self.figures & forms_of(Decimal(fact))
            elif kind == "code":
                yield from [fact] if re.search(rf"(?<![\w.-]){fact}(?![\w-])", self.text) else []
            elif self._has(fact) or (kind == "number" and self._has(grouped(fact))):
                yield fact
            if kind == "name":
                yield from self.words & {
                    word for word in WORD.findall(fact) if len(word) >= SHORTEST_WORD
                }

    def _has(self, fact: str) -> bool:
        if len(fact) < SHORTEST_SUBSTRING:
            return fact in self.tokens
        return fact.casefold() in self.folded


def forms_of(amount: Decimal) -> set[str]:
    """How an amount may be written."""
    amount = abs(amount)
    if not amount:
        return set()
    found = {f"{amount:{form}}" for form in (".2f", ",.2f", ".3f", ",.3f", ".4f", ",.4f")}
    exact = {form for form in found if Decimal(form.replace(",", "")) == amount}
    if amount == amount.to_integral_value() and amount >= LEAST_WHOLE:
        exact |= {f"{amount:.0f}", f"{amount:,.0f}"}
    return exact | {f"{amount.normalize():f}"} if amount != amount.to_integral_value() else exact


def grouped(number: str) -> str:
    """An account number as pages show it."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _texts(fact: Any) -> Iterator[str]:
    """The texts in a value, those of metadata too, but for its keys."""
    if isinstance(fact, Mapping):
        for each in fact.values():
            yield from _texts(each)
    elif isinstance(fact, list):
        for each in fact:
            yield from _texts(each)
    elif isinstance(fact, str) and len(fact) >= SHORTEST_WORD and fact not in OF_THE_CODE:
        yield fact
