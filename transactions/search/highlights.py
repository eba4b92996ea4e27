"""Why a row was found: the words in it, marked.

Postgres marks what matched with two characters of the private use area, which are taken out of
the text beforehand. It does not escape, so that is done here, and only then do the two
characters become tags: nothing that somebody wrote can become one.
"""

from typing import Any

from django.contrib.postgres.search import SearchHeadline
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
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from transactions.models import Annotation
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import Scope

START, STOP = "\ue000", "\ue001"
AROUND = 100  # characters shown of a long text, about the first mark
TEXTS = {"description": "said_description", "reference": "said_reference"}
NAMES = {
    "from_account__user__name": "said_from",
    "to_account__user__name": "said_to",
    "from_account__name": "said_from_account",
    "to_account__name": "said_to_account",
}


def marked(
    rows: TransactionQuerySet, words: Any, scope: Scope, *, noted: Any = None
) -> TransactionQuerySet:
    """The rows with their texts marked for `words`, and with what the reader notes of each
    marked for `noted`, where it is given. Postgres does it for the page alone."""
    if noted is not None and not scope.is_bank:
        rows = rows.annotate(said_note=_note(noted, scope))
    if words is None:
        return rows
    columns = {**TEXTS, **(NAMES if scope.names else {})}
    headlines: dict[str, Any] = {
        name: _headline(_clean(column), words) for column, name in columns.items()
    }
    metadata = Cast(_clean("metadata", as_text=True), JSONField())
    headlines["said_metadata"] = Cast(_headline(metadata, words), TextField())
    annotated: TransactionQuerySet = rows.annotate(**headlines)
    return annotated


def _note(words: Any, scope: Scope) -> Subquery:
    """The newest note of the reader, as it stands in a line: "Split with Mara #food"."""
    tags = Func(F("tags"), Value(" #"), function="array_to_string", output_field=TextField())
    both = Concat("text", Value(" #"), tags, output_field=TextField())
    line = Case(When(tags=[], then=F("text")), default=both, output_field=TextField())
    said = Annotation.objects.of(scope.reader).filter(transaction=OuterRef("pk")).newest_first()
    marks = (Value(START + STOP), Value(""))
    clean = Func(line, *marks, function="translate", output_field=TextField())
    return Subquery(said.values(said=_headline(clean, words))[:1], output_field=TextField())


def _clean(column: str, *, as_text: bool = False) -> Any:
    text = Cast(column, TextField()) if as_text else F(column)
    marks = (Value(START + STOP), Value(""))
    return Func(text, *marks, function="translate", output_field=TextField())


def _headline(text: Any, words: Any) -> SearchHeadline:
    return SearchHeadline(
        text, words, config="simple", start_sel=START, stop_sel=STOP, highlight_all=True
    )


def shown(text: str, most: int = AROUND) -> SafeString:
    """A marked text as HTML, cut to about `most` characters around its first mark."""
    return mark_safe(_tagged(escape(_cut(text, most))))  # noqa: S308  escaped the moment before


def plain(text: str) -> str:
    """A marked text without its marks."""
    return text.replace(START, "").replace(STOP, "")


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
    """Each mark closed before the next opens, whatever was cut off."""
    parts = text.replace(STOP + START, "").split(START)
    tagged = [plain(parts[0])]
    for part in parts[1:]:
        inside, _, after = part.partition(STOP)
        tagged.append(f"<mark>{inside}</mark>{plain(after)}")
    return "".join(tagged)
