"""A query as a tree: groups of items, one of which has to hold, and what could not be read."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from transactions.search.language.values import TYPED_AMOUNT

WORD, PHRASE, AMOUNT, META, HAS_META = "word", "phrase", "signed", "meta", "has.meta"
NOTES = ("tag", "note", "has")  # has:meta.… is of another kind


@dataclass(frozen=True, slots=True)
class QueryItem:
    """One thing that is asked: `kind` is a field's name, or one of the kinds above.

    `value` is what it was read as; `path` leads to a key of the metadata. `source` is how it
    was typed, minus and all; `literal` says that the value stood in quotes.
    """

    kind: str
    text: str
    source: str
    value: Any = None
    path: tuple[str, ...] = ()
    is_not: bool = False
    literal: bool = False

    @property
    def amount(self) -> Decimal | None:
        """The amount that a bare number also means."""
        found = TYPED_AMOUNT.fullmatch(self.text) if self.kind in (WORD, AMOUNT) else None
        return Decimal(found["figure"].replace(",", "")) if found else None


@dataclass(frozen=True, slots=True)
class Mistake:
    """What could not be read, in a sentence, and what may have been meant, as whole queries.

    A hint is for what somebody is still typing. `is_asked` says that it was asked all the same,
    and finds nothing; otherwise it was left out, and the rest answers.
    """

    sentence: str
    meant: tuple[str, ...] = ()
    is_hint: bool = False
    is_asked: bool = False


@dataclass(slots=True)
class ParsedQuery:
    """What was understood: groups of items, one of which has to hold; and the mistakes."""

    text: str = ""
    groups: list[list[QueryItem]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def items(self) -> list[QueryItem]:
        return [item for group in self.groups for item in group]

    @property
    def is_empty(self) -> bool:
        return not self.items

    @property
    def words(self) -> list[QueryItem]:
        """The words and phrases that are looked for, which rank and are marked."""
        return [item for item in self.items if item.kind in (WORD, PHRASE) and not item.is_not]

    @property
    def notes(self) -> list[QueryItem]:
        """What is asked of the reader's own notes and tags alone."""
        return [item for item in self.items if item.kind in NOTES and not item.is_not]

    def has(self, source: str) -> bool:
        """Whether each group asks for this item already."""
        return bool(self.groups) and all(
            any(item.source == source for item in group) for group in self.groups
        )

    def adding(self, source: str) -> str:
        """The query narrowed by one more item, in every group of it."""
        return written([[*map(_source, group), source] for group in self.groups or [[]]])

    def without(self, source: str) -> str:
        """The query without an item."""
        return self.replacing(source, "")

    def replacing(self, source: str, other: str) -> str:
        """The query with one item said otherwise."""
        changed = [
            [other if item.source == source else item.source for item in group]
            for group in self.groups
        ]
        return written(changed)


def _source(item: QueryItem) -> str:
    return item.source


def written(groups: list[list[str]]) -> str:
    """Groups as one types them."""
    texts = (" ".join(source for source in group if source) for group in groups)
    return " or ".join(text for text in texts if text)
