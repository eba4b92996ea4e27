"""Every write of the explorer: saving and deleting queries, and the history of what was run."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import User
from accounts.sent_bytes import LEAST, count_stored
from explorer.models import LONGEST_SQL, QueryRun, SavedQuery
from ledger.db.retry import with_retry

LONGEST_MESSAGE = 300
MOST_SAVED = 200  # of one person


class QueryNotFound(Exception):
    """There is no such query of this person."""


class TooManyQueries(Exception):
    """The person has saved as many as there is room for; the text says so."""


@with_retry
def save_query(
    *,
    owner: User,
    title: str,
    sql: str,
    parameters: Mapping[str, str],
    is_shared: bool = False,
    replaces: UUID | None = None,
) -> SavedQuery:
    """Saves a query under a title; `replaces` is one of the owner's that it becomes.

    Raises QueryNotFound, or TooManyQueries above MOST_SAVED.
    """
    facts = {"title": title, "sql": sql, "parameters": dict(parameters), "is_shared": is_shared}
    with db_transaction.atomic(durable=True):
        own = SavedQuery.objects.filter(owner=owner)
        if replaces is None:
            User.objects.lock_active(owner.pk)
            if own.count() >= MOST_SAVED:
                raise TooManyQueries(f"You have saved {MOST_SAVED} queries. Delete one first.")
            return SavedQuery.objects.create(owner=owner, **facts)
        found = own.select_for_update(no_key=True).filter(pk=replaces).first()
        if found is None:
            raise QueryNotFound
        for name, value in facts.items():
            setattr(found, name, value)
        found.changed_at = timezone.now()
        found.save()
        return found


@with_retry
def delete_query(*, owner: User, query: UUID) -> None:
    """Deletes a query of the owner's. Raises QueryNotFound."""
    with db_transaction.atomic(durable=True):
        deleted, _by_model = SavedQuery.objects.filter(owner=owner, pk=query).delete()
        if not deleted:
            raise QueryNotFound


@with_retry
def record_run(
    *,
    person: User,
    sql: str,
    parameters: Mapping[str, str],
    scope: str,
    form: str,
    outcome: QueryRun.RunOutcome,
    message: str = "",
    rows: int = 0,
    milliseconds: float = 0,
) -> QueryRun:
    """Writes who ran what, and how it ended, into the history, and counts its bytes as sent by the
    person, because nobody deletes them for long.
    """
    sql, message = sql[:LONGEST_SQL], message[:LONGEST_MESSAGE]
    texts = (sql, message, *parameters, *parameters.values())
    count_stored(person, LEAST + sum(len(text.encode()) for text in texts))
    with db_transaction.atomic(durable=True):
        return QueryRun.objects.create(
            person=person,
            sql=sql,
            parameters=dict(parameters),
            scope=scope,
            form=form,
            outcome=outcome,
            message=message,
            rows=rows,
            milliseconds=round(milliseconds),
        )
