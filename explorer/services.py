"""Saves and deletes queries, and writes the history of queries."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import User
from accounts.sent_bytes import LEAST, count_stored
from explorer.models import LONGEST_SQL, QueryRun, SavedQuery
from ledger.db.retry import with_retry

LONGEST_MESSAGE = 300
MAX_SAVED = 200  # the maximum number of saved queries per user


class QueryNotFound(Exception):
    """The user has no query with this id."""


class TooManyQueries(Exception):
    """The user already has the maximum number of saved queries. The text explains this."""


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
    """Saves a query with a title and returns the query. If `replaces` is the id of a query of the
    owner, overwrites this query.

    Raises: QueryNotFound if the owner has no query with the id `replaces`; TooManyQueries if the
    owner already has MAX_SAVED queries.
    """
    facts = {"title": title, "sql": sql, "parameters": dict(parameters), "is_shared": is_shared}
    with db_transaction.atomic(durable=True):
        own = SavedQuery.objects.filter(owner=owner)
        if replaces is None:
            User.objects.lock_active(owner.pk)
            if own.count() >= MAX_SAVED:
                raise TooManyQueries(f"You have saved {MAX_SAVED} queries. Delete one first.")
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
    """Deletes a query of the owner.

    Raises: QueryNotFound if the owner has no query with this id.
    """
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
    """Writes a run and its outcome into the history, and returns the row. The size of the row
    counts towards the user's daily limit for bytes, because the row is stored for a long time.
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
