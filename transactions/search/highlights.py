"""Highlights the matched words in the texts of a row.

The function ts_headline of Postgres returns the headline of a text: the text with START and STOP
around the matches. Its parser divides a text into words in another way than our search. So
ts_headline gets `search_text(text)`, where spaces separate the words, see Note [Words].
`MarkedText.of` finds the same places in the stored text. The HTML contains the stored text,
escaped, so a text that people write cannot become a tag.
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from unicodedata import normalize

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, F, Func, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Concat, LTrim
from django.utils.safestring import SafeString, mark_safe

from ledger.db.queries.words import INVISIBLE
from ledger.text.lines import visible
from transactions.annotations.models import Annotation
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import Scope

# Characters of the private use area. `search_text` removes these characters from texts.
START, STOP = "\ue000", "\ue001"
# The SQL contains the two characters and no parameters for them, because psycopg caches the layout
# of an SQL statement only if the statement has at most 50 parameters.
OPTIONS = f"'StartSel=''{START}'', StopSel=''{STOP}'', HighlightAll=true'"
HEADLINE = f"ts_headline('public.words'::regconfig, search_text(%(expressions)s, {OPTIONS})"
STRINGS = 'strict $.** ? (@.type() == "string")'  # the strings of a JSON document, see `strings_in`
HEADLINES = (
    "ARRAY(SELECT ts_headline('public.words'::regconfig, search_text(found.value #>> '{}'),"
    f" %(expressions)s, '{STRINGS}') AS found(value))"
)
# Maximum number of characters of a shown text. Longer texts are cut around the first match.
EXCERPT = 100
# The keys are columns, and the values are the names of the annotations with the headlines.
TEXTS = {"description": "marked_description", "reference": "marked_reference"}
NAMES = {
    "from_account__user__name": "marked_from",
    "to_account__user__name": "marked_to",
    "from_account__name": "marked_from_account",
    "to_account__name": "marked_to_account",
}


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text, with the (start, end) of each matched word in the text."""

    text: str
    ranges: list[tuple[int, int]] = field(default_factory=list)

    @property
    def html(self) -> SafeString:
        """The text as HTML with <mark> tags. A longer text is cut to EXCERPT characters around its
        first match.
        """
        begin, end = 0, len(self.text)
        if end > EXCERPT:
            first = self.ranges[0][0] if self.ranges else 0
            begin = max(0, first - EXCERPT // 3)
            end = min(end, begin + EXCERPT)
        parts = ["…" if begin else ""]
        position = begin
        for start, stop in self.ranges:
            if start < end:
                parts.append(shown(self.text[position:start]))
                parts.append(f"<mark>{shown(self.text[start : min(stop, end)])}</mark>")
                position = min(stop, end)
        parts += [shown(self.text[position:end]), "…" if end < len(self.text) else ""]
        return mark_safe("".join(parts))  # noqa: S308  each part is escaped above

    @classmethod
    def of(cls, text: str, headline: str | None) -> Self:
        """Returns the text with the ranges of the matched words, which come from its headline.

        `headline` is the result of HEADLINE for this text, or None. Without START and STOP, the
        headline has the same characters as the text in the normal form NFC, with three differences.
        The characters of INVISIBLE are missing. Separators such as `-` are replaced by spaces. A
        final sigma is replaced by a normal sigma.
        """
        if not headline or START not in headline:
            return cls(text)
        composed = normalize("NFC", text)
        places = [place for place, c in enumerate(composed) if c not in INVISIBLE]
        if len(headline.replace(START, "").replace(STOP, "")) != len(places):
            return cls(text)  # ts_headline leaves out words of more than 2,046 bytes
        first, *parts = headline.split(START)
        ranges, position = [], len(first)
        for part in parts:
            inside, _, after = part.partition(STOP)
            end = position + len(inside)
            if inside:
                ranges.append((places[position], places[end - 1] + 1))
            position = end + len(after)
        return cls(composed, ranges)


def with_highlights(
    rows: TransactionQuerySet, words: Any, scope: Scope, *, note_words: Any = None
) -> TransactionQuerySet:
    """Annotates rows with the headlines of their texts. The headlines mark the words of the tsquery
    `words`, see `MarkedText.of`. `marked_metadata` is a list, in the order of `strings_in`.

    If `note_words` is not None, also annotates `marked_note`: a list of the reader's note and the
    note's headline. Only the rows of the page are marked.
    """
    if note_words is not None and not scope.is_bank:
        rows = rows.annotate(marked_note=_note(note_words, scope))
    if words is None:
        return rows
    columns = {**TEXTS, **(NAMES if scope.shows_names else {})}
    headlines: dict[str, Any] = {
        name: _headline(F(column), words) for column, name in columns.items()
    }
    headlines["marked_metadata"] = Func(
        words,
        F("metadata"),
        template=HEADLINES,
        arg_joiner=f", {OPTIONS}) FROM jsonb_path_query(",
        output_field=ArrayField(TextField()),
    )
    annotated: TransactionQuerySet = rows.annotate(**headlines)
    return annotated


def _note(words: Any, scope: Scope) -> Subquery:
    """Returns a subquery for a list of two texts. The first text is one line with the reader's note
    and tags, such as "Split with Mara #food". The second text is the headline of this line.
    """
    tags = Func(F("tags"), Value(" #"), function="array_to_string", output_field=TextField())
    both = LTrim(Concat("text", Value(" #"), tags, output_field=TextField()))
    line = Case(When(tags=[], then=F("text")), default=both, output_field=TextField())
    notes = Annotation.objects.of(scope.reader).filter(transaction=OuterRef("pk")).newest_first()
    pair = Func(line, _headline(line, words), template="ARRAY[%(expressions)s]")
    return Subquery(notes.values(marked=pair)[:1], output_field=ArrayField(TextField()))


def _headline(text: Any, words: Any) -> Func:
    return Func(text, words, template=HEADLINE, arg_joiner="), ", output_field=TextField())


def strings_in(document: Any, *path: str | int) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yields each string of a JSON document with its path, in the order of STRINGS."""
    if isinstance(document, str):
        yield path, document
    elif isinstance(document, dict):
        for key, inner in document.items():
            yield from strings_in(inner, *path, key)
    elif isinstance(document, list):
        for number, inner in enumerate(document):
            yield from strings_in(inner, *path, number)


def marked_strings(row: Any) -> Iterator[tuple[tuple[str | int, ...], MarkedText]]:
    """Yields each string of the row's metadata that contains a match, with its path."""
    headlines = getattr(row, "marked_metadata", None)
    if headlines and any(START in headline for headline in headlines):
        for (path, text), headline in zip(strings_in(row.metadata), headlines, strict=False):
            if START in headline:
                yield path, MarkedText.of(text, headline)


def shown(text: str) -> SafeString:
    """Returns the HTML of a text that people wrote. Shows each invisible character as its code,
    such as [U+202E], and leaves out START and STOP.
    """
    return escaped(visible(text.replace(START, "").replace(STOP, "")))


def escaped(text: str) -> SafeString:
    """Returns the text escaped for HTML. Django's `escape` takes three times as long, because it
    also accepts lazy texts.
    """
    return SafeString(html.escape(text))
