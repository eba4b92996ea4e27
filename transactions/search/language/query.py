"""The parsed query: groups of items, and the mistakes found while parsing."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger.text.amounts import parse_figure
from transactions.search.language.values import SIGNS

# Kinds of items beside the names of fields.
WORD, PHRASE, AMOUNT, META, HAS_META = "word", "phrase", "signed", "meta", "has.meta"
NOTES = ("tag", "note", "has")  # fields that search the reader's annotations
# The metadata that the bank itself groups by, and whose values name nobody.
KEYS_WITHOUT_NAMES = ("category", "channel")


@dataclass(frozen=True, slots=True)
class QueryItem:
    """One term of a query, such as `rent`, `-"blue note"` or `amount:>100`.

    `kind` is the name of a field or one of the kinds above. `text` is the value as typed, `value`
    what it was parsed to, `path` the path of a metadata key. `source` is the whole term as typed,
    with its minus. `is_quoted`: the value was in quotes. `is_negated`: a minus stands before it.
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
        """Whether it looks for what people wrote, which may name them: words, references, and
        values of metadata but those that the bank groups by.
        """
        if self.kind == META:
            return not (len(self.path) == 1 and self.path[0] in KEYS_WITHOUT_NAMES)
        return self.kind in (WORD, PHRASE, "ref")

    @property
    def amount(self) -> Decimal | None:
        """The amount if the word is a number, without its sign; else None."""
        if self.kind not in (WORD, AMOUNT):
            return None
        return parse_figure(self.text[1:] if self.text[:1] in SIGNS else self.text)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A problem with the query as a sentence, and whole queries to try instead.

    `is_hint`: the person is still typing. `is_applied`: the item stays in the query and matches
    nothing; otherwise it is left out, and the rest of the query is searched. `is_advice`: all of it
    is searched as it was typed.
    """

    sentence: str
    suggestions: tuple[str, ...] = ()
    is_hint: bool = False
    is_applied: bool = False
    is_advice: bool = False


@dataclass(slots=True)
class ParsedQuery:
    """A query as groups of items: a row matches if it matches every item of one group."""

    text: str = ""
    groups: list[list[QueryItem]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def items(self) -> list[QueryItem]:
        """The items of all groups."""
        return [item for group in self.groups for item in group]

    @property
    def shared(self) -> list[QueryItem]:
        """The items that hold for all rows: beside `or`, those that stand in every group."""
        return [item for item in self.items if self.has(item.source)]

    @property
    def is_empty(self) -> bool:
        return not self.items

    @property
    def words(self) -> list[QueryItem]:
        """The words and phrases to find, by which results are ranked and highlighted."""
        return [item for item in self.items if item.kind in (WORD, PHRASE) and not item.is_negated]

    @property
    def notes(self) -> list[QueryItem]:
        """The items that search only the reader's annotations."""
        return [item for item in self.items if item.kind in NOTES and not item.is_negated]

    def has(self, source: str) -> bool:
        """Whether every group has this term."""
        return bool(self.groups) and all(
            any(item.source == source for item in group) for group in self.groups
        )

    def adding(self, source: str) -> str:
        """The text of the query with a term added to every group."""
        sources = [[item.source for item in group] for group in self.groups or [[]]]
        return query_text([[*group, source] for group in sources])

    def without(self, source: str) -> str:
        """The text of the query without a term."""
        return self.replacing(source, "")

    def replacing(self, source: str, other: str) -> str:
        """The text of the query with another term in place of one."""
        return query_text(
            [
                [other if item.source == source else item.source for item in group]
                for group in self.groups
            ]
        )


def query_text(groups: list[list[str]]) -> str:
    """Writes groups of terms as the text of a query."""
    texts = (" ".join(source for source in group if source) for group in groups)
    return " or ".join(text for text in texts if text)
