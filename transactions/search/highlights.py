"""Highlights the matched words in the texts of a row.

ts_headline does not escape HTML. So Postgres marks the matches with two characters of the private
use area, which were removed from the text before. Then Python escapes the text, and replaces the
two characters by <mark> tags. So a text that people write cannot become a tag.
"""

import html
from typing import Any

from django.db.models import (
    Case,
    F,
    Func,
    JSONField,
    OuterRef,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat
from django.utils.safestring import SafeString, mark_safe

from transactions.annotations.models import Annotation
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import Scope

START, STOP = "\ue000", "\ue001"
# The two characters are written into the SQL and not passed as parameters, because psycopg caches
# the layout of an SQL statement only if the statement has at most 50 parameters.
WITHOUT_MARKS = f"translate(%(expressions)s, '{START}{STOP}', '')"
WITH_MARKS = (
    "ts_headline('simple'::regconfig, %(expressions)s,"
    f" 'StartSel=''{START}'', StopSel=''{STOP}'', HighlightAll=true')"
)
# Maximum length of a shown text, in characters; longer texts are cut around the first match.
EXCERPT = 100
# Keys are columns. Values are the names of the annotations with the highlighted text.
TEXTS = {"description": "marked_description", "reference": "marked_reference"}
NAMES = {
    "from_account__user__name": "marked_from",
    "to_account__user__name": "marked_to",
    "from_account__name": "marked_from_account",
    "to_account__name": "marked_to_account",
}


def with_highlights(
    rows: TransactionQuerySet, words: Any, scope: Scope, *, note_words: Any = None
) -> TransactionQuerySet:
    """Annotates rows with texts in which the words of the tsquery `words` are marked.

    With `note_words`, also annotates the reader's note, in which the words of that tsquery are
    marked. Postgres marks only the rows of the page.
    """
    if note_words is not None and not scope.is_bank:
        rows = rows.annotate(marked_note=_note(note_words, scope))
    if words is None:
        return rows
    columns = {**TEXTS, **(NAMES if scope.shows_names else {})}
    headlines: dict[str, Any] = {
        name: _headline(_clean(column), words) for column, name in columns.items()
    }
    metadata = Cast(_clean("metadata", as_text=True), JSONField())
    headlines["marked_metadata"] = Cast(_headline(metadata, words), TextField())
    annotated: TransactionQuerySet = rows.annotate(**headlines)
    return annotated


def _note(words: Any, scope: Scope) -> Subquery:
    """Returns a subquery for the reader's note and tags as one line, such as
    "Split with Mara #food", with the words marked.
    """
    tags = Func(F("tags"), Value(" #"), function="array_to_string", output_field=TextField())
    both = Concat("text", Value(" #"), tags, output_field=TextField())
    line = Case(When(tags=[], then=F("text")), default=both, output_field=TextField())
    notes = Annotation.objects.of(scope.reader).filter(transaction=OuterRef("pk")).newest_first()
    return Subquery(
        notes.values(marked=_headline(_without_marks(line), words))[:1], output_field=TextField()
    )


def _clean(column: str, *, as_text: bool = False) -> Any:
    """Returns the column as text, after removing the two characters that mark matches."""
    return _without_marks(Cast(column, TextField()) if as_text else F(column))


def _without_marks(text: Any) -> Func:
    return Func(text, template=WITHOUT_MARKS, output_field=TextField())


def _headline(text: Any, words: Any) -> Func:
    return Func(text, words, template=WITH_MARKS, output_field=TextField())


def highlighted(text: str, most: int = EXCERPT) -> SafeString:
    """Returns a marked text as HTML with <mark> tags. A text longer than `most` characters is cut
    to about `most` characters around its first marked word.
    """
    if len(text) <= most and START not in text and STOP not in text:
        return escaped(text)
    return mark_safe(_tagged(escaped(_cut(text, most))))  # noqa: S308  escaped in the same line


def escaped(text: str) -> SafeString:
    """Escapes a text for HTML and returns it. Django's `escape` takes three times as long, because
    it also accepts lazy texts.
    """
    return SafeString(html.escape(text))


def plain(text: str) -> str:
    """Returns the text without the two characters that mark matches."""
    return text.replace(START, "").replace(STOP, "")


def ranges_of(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Returns the text without the characters that mark matches, and a (start, end) pair for each
    marked word in the returned text.
    """
    first, *parts = text.split(START)
    bare, ranges = plain(first), []
    for part in parts:
        inside, _, after = part.partition(STOP)
        begin = len(bare)
        bare += inside + plain(after)
        ranges.append((begin, begin + len(inside)))
    return bare, ranges


def _cut(text: str, most: int) -> str:
    if len(plain(text)) <= most:
        return text
    first = max(text.find(START), 0)
    begin = max(0, first - most // 3)
    part = text[begin : begin + most]
    if part.count(START) > part.count(STOP):
        part += STOP
    return ("…" if begin else "") + part + ("…" if begin + most < len(text) else "")


def _tagged(text: str) -> str:
    """Returns the text with <mark> tags instead of the marking characters. Every tag is closed
    before the next tag opens, even if the text was cut.
    """
    parts = text.replace(STOP + START, "").split(START)
    tagged = [plain(parts[0])]
    for part in parts[1:]:
        inside, _, after = part.partition(STOP)
        tagged.append(f"<mark>{inside}</mark>{plain(after)}")
    return "".join(tagged)
