"""The personal data in the explorer: queries that people have run or saved."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Func, TextField

from accounts.models import User
from accounts.models.revisions import note_removal
from explorer.models import QueryRun, SavedQuery, kept_days
from ledger.db.history import facts
from transactions.privacy.keeping import in_days
from transactions.privacy.lifting import delete_in_parts
from transactions.privacy.patterns import having, without
from transactions.privacy.personal_data import DataSection, PersonalData, register
from transactions.privacy.retention import OVER
from transactions.privacy.traces import Erased, Traces, emptied, with_address

SAVED = ("title", "sql", "parameters", "shared", "saved", "changed")
VALUES = Func(
    F("parameters"), output_field=TextField(),
    template="array_to_string(ARRAY(SELECT value FROM jsonb_each_text(%(expressions)s)), chr(10))",
)  # fmt: skip
RUNS = ("at", "sql", "parameters", "as", "outcome", "rows")


def _saved(person: User) -> Iterable[Any]:
    rows = SavedQuery.objects.filter(owner=person).order_by("created_at")
    return rows.values_list("title", "sql", "parameters", "is_shared", "created_at", "changed_at")


def _runs(person: User) -> Iterable[Any]:
    rows = QueryRun.objects.filter(person=person).order_by("ran_at")
    columns = ("ran_at", "sql", "parameters", "form", "outcome", "rows")
    return rows.values_list(*columns).iterator(chunk_size=2000)


def _texts(traces: Traces) -> Iterator[Erased]:
    """Yields the erasures for a person: the person's own queries, and texts of other people that
    contain an address of the person, in the history and in saved queries. See Note [Whose texts].
    """
    yield Erased(SavedQuery.objects.filter(owner=traces.person), None)
    own = QueryRun.objects.filter(person=traces.person)
    yield emptied(own, sql="", parameters={}, message="")
    addresses = traces.addresses
    yield from with_address(traces, QueryRun.objects.all(), sql="", message="")
    for name in ("title", "sql"):
        for rows, text in without(SavedQuery.objects.all(), name, addresses):
            yield Erased(rows, {name: text})
    runs = QueryRun.objects.annotate(texts=VALUES).filter(having("texts", addresses))
    saved = SavedQuery.objects.annotate(texts=VALUES).filter(having("texts", addresses))
    for rows in (runs, saved):
        yield emptied(rows, parameters={})


def _delete_old(now: datetime) -> dict[str, int]:
    """Deletes rows of the history after the retention period, and returns their number by kind.
    Only the owner of the tables can call this.
    """
    before = now - timedelta(days=kept_days())
    old = QueryRun.objects.filter(ran_at__lt=before)
    deleted = delete_in_parts(old, lambda: note_removal(QueryRun, OVER, before=before))
    return {"queries of the explorer": deleted}


facts.recorded.add(QueryRun._meta.db_table)
register(
    PersonalData(
        sections=(DataSection("saved_queries", SAVED, _saved), DataSection("queries", RUNS, _runs)),
        kept=lambda: [("Which queries you ran in the explorer", in_days(kept_days()))],
        texts=_texts,
        never_change=(QueryRun._meta.db_table,),
        delete_old=_delete_old,
    )
)
