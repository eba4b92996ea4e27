"""What the explorer keeps of people: the download of their data, erasure and keeping time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction as db_transaction
from django.db.models import Q

from accounts.models import User
from explorer.models import QueryRun, SavedQuery, kept_days
from ledger.db import facts
from transactions.audit.checks.register import add_registered
from transactions.privacy.erasure import triggers_lifted
from transactions.privacy.further import FURTHER, FurtherData
from transactions.privacy.keeping import in_days
from transactions.privacy.retention import note_removal
from transactions.privacy.sections import DataSection
from transactions.privacy.traces import Traces

SAVED = ("title", "sql", "parameters", "shared", "saved", "changed")
RUNS = ("at", "sql", "parameters", "as", "outcome", "rows")


def register() -> None:
    """Lets the rooms of privacy, and the facts of writes, know of the explorer's tables."""
    facts.recorded.add(QueryRun._meta.db_table)
    add_registered(QueryRun, "ran_at")
    FURTHER.append(
        FurtherData(
            sections=(
                DataSection("saved_queries", SAVED, _saved),
                DataSection("queries", RUNS, _runs),
            ),
            erase=_erase,
            never_change=(QueryRun._meta.db_table,),
            delete_old=_delete_old,
            kept=lambda: [("Which queries you ran in the explorer", in_days(kept_days()))],
        )
    )


def _saved(person: User) -> Iterable[Any]:
    rows = SavedQuery.objects.filter(owner=person).order_by("created_at")
    return rows.values_list("title", "sql", "parameters", "is_shared", "created_at", "changed_at")


def _runs(person: User) -> Iterable[Any]:
    rows = QueryRun.objects.filter(person=person).order_by("ran_at")
    columns = ("ran_at", "sql", "parameters", "form", "outcome", "rows")
    return rows.values_list(*columns).iterator(chunk_size=2000)


def _erase(traces: Traces) -> None:
    """Their own queries go, and saved ones of others that have the whole name; of others' history,
    the text that has it.
    """
    SavedQuery.objects.filter(owner=traces.person).delete()
    QueryRun.objects.filter(person=traces.person).update(sql="", parameters={}, message="")
    for name in ("sql", "message"):
        QueryRun.objects.filter(**{f"{name}__iregex": traces.whole}).update(**{name: ""})
    QueryRun.objects.filter(parameters__iregex=traces.whole).update(parameters={})
    names = Q()
    for name in ("title", "sql", "parameters"):
        names |= Q(**{f"{name}__iregex": traces.whole})
    SavedQuery.objects.filter(names).delete()


def _delete_old(now: datetime) -> dict[str, int]:
    """For the owner of the tables: rows of the history never change otherwise."""
    before = now - timedelta(days=kept_days())
    old = QueryRun.objects.filter(ran_at__lt=before)
    deleted = 0
    if old.exists():
        with db_transaction.atomic(durable=True), triggers_lifted(QueryRun._meta.db_table):
            note_removal(QueryRun._meta.db_table, before)
            deleted = old.delete()[0]
    return {"queries of the explorer": deleted}
