"""The parsed query: groups of items, and the mistakes that the parser found."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.text.amounts import parse_figure
from transactions.search.language.readings import Reading, reading_of
from transactions.search.language.values import SIGNS, with_point

# The kinds of items that are not fields.
WORD, PHRASE, AMOUNT, META, HAS_META = "word", "phrase", "signed", "meta", "has.meta"
NOTES = ("tag", "note", "has")  # fields that search only the reader's annotations
# Metadata keys by which the bank groups payments. The values of these keys contain no names.
KEYS_WITHOUT_NAMES = ("category", "channel")


@dataclass(frozen=True, slots=True)
class QueryItem:
    """One term of a query, such as `rent`, `-"blue note"` or `amount:>100`.

    `kind` is the name of a field, or WORD, PHRASE, AMOUNT, META or HAS_META. `text` is the typed
    value, `value` is the parsed value, and `path` is the path of a metadata key. `source` is the
    whole typed term, including a minus. `is_quoted` is True if the value was in quotes.
    `is_negated` is True if the term starts with a minus.
    """

    kind: str
    text: str
    source: str
    value: Any = None
    path: tuple[str, ...] = ()
    is_negated: bool = False
    is_quoted: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the item searches texts that people wrote, which may contain names: words,
        phrases, references, and values of metadata keys that are not in KEYS_WITHOUT_NAMES.
        """
        if self.kind == META:
            return not (len(self.path) == 1 and self.path[0] in KEYS_WITHOUT_NAMES)
        return self.kind in (WORD, PHRASE, "ref")

    @property
    def is_directed(self) -> bool:
        """Whether the item depends on the direction of the money: is:in, is:out, or an amount with
        a sign.
        """
        return self.kind == AMOUNT or (self.kind == "is" and self.value in ("in", "out"))

    @property
    def amount(self) -> Decimal | None:
        """The number without its sign, or None if the word is not a number."""
        if self.kind not in (WORD, AMOUNT):
            return None
        return parse_figure(with_point(self.text[1:] if self.text[:1] in SIGNS else self.text))

    @property
    def reading(self) -> Reading | None:
        """The amount or the period that the word may mean, or None."""
        return reading_of(self.text) if self.kind == WORD else None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A problem with the query: a message, and complete queries to try instead.

    - `is_hint`: the person is still typing.
    - `is_applied`: the wrong item stays in the query and matches nothing. If `is_applied` is False,
      the wrong item is left out, and the search uses the other items.
    - `is_advice`: the search uses the whole query as typed.
    """

    sentence: str
    suggestions: tuple[str, ...] = ()
    is_hint: bool = False
    is_applied: bool = False
    is_advice: bool = False


@dataclass(slots=True)
class ParsedQuery:
    """A query as groups of items. A row matches the query if it matches every item of at least one
    group.
    """

    text: str = ""
    groups: list[list[QueryItem]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def items(self) -> list[QueryItem]:
        """The items of all groups, in one list."""
        return [item for group in self.groups for item in group]

    @property
    def shared(self) -> list[QueryItem]:
        """The items that every found row matches. In a query with `or`, these are the items that
        all groups contain.
        """
        return [item for item in self.items if self.has(item.source)]

    @property
    def is_empty(self) -> bool:
        return not self.items

    @property
    def words(self) -> list[QueryItem]:
        """The words and phrases that are not negated. These words rank the results and are
        highlighted.
        """
        return [item for item in self.items if item.kind in (WORD, PHRASE) and not item.is_negated]

    @property
    def notes(self) -> list[QueryItem]:
        """The items that search only the reader's annotations and are not negated."""
        return [item for item in self.items if item.kind in NOTES and not item.is_negated]

    def has(self, source: str) -> bool:
        """Returns whether every group contains this term."""
        return bool(self.groups) and all(
            any(item.source == source for item in group) for group in self.groups
        )

    def adding(self, source: str) -> str:
        """Returns the text of a new query, in which every group also has the term `source`."""
        sources = [[item.source for item in group] for group in self.groups or [[]]]
        return query_text([[*group, source] for group in sources])

    def without(self, source: str) -> str:
        """Returns the text of a new query, in which the term `source` is removed."""
        return self.replacing(source, "")

    def replacing(self, source: str, other: str) -> str:
        """Returns the text of a new query, in which the term `other` replaces the term `source`."""
        return query_text(
            [
                [other if item.source == source else item.source for item in group]
                for group in self.groups
            ]
        )


def query_text(groups: list[list[str]]) -> str:
    """Returns the text of a query with these groups of terms, joined by "or"."""
    texts = (" ".join(source for source in group if source) for group in groups)
    return " or ".join(text for text in texts if text)
