"""Committed rows that the explorer's own session reads, written once for a module."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import Group
from pytest_django import DjangoDbBlocker

from accounts.groups import ANALYSTS, OPERATIONS
from accounts.models import Account, User
from explorer.access import ExplorerReader, QueryReader
from explorer.running.run import QueryRequest, QueryResult, run
from tests import emptying
from tests.factories import AccountFactory, UserFactory
from transactions import services


@dataclass(frozen=True, slots=True)
class Books:
    """Ana paid Ben once; Eve has nothing to do with either. An analyst, and a clerk."""

    ana: Account
    ben: Account
    eve: Account
    analyst: User
    clerk: User

    @property
    def bank(self) -> ExplorerReader:
        return ExplorerReader(self.analyst)

    @property
    def names(self) -> ExplorerReader:
        return ExplorerReader(self.clerk, sees_names=True)


def books() -> Books:
    ana, ben, eve = (
        AccountFactory(balance="500", user__name=name, name=f"{name}'s money")
        for name in ("Ana Ferreira", "Ben Okafor", "Eve Moreau")
    )
    services.transfer(
        from_account=ana, to_account=ben, amount=Decimal("12.50"), description="Concert secret",
        metadata={"category": "leisure", "channel": "card", "who": "Ana Ferreira"},
    )  # fmt: skip
    analyst, clerk = UserFactory(name="Analyst"), UserFactory(name="Clerk", is_staff=True)
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    clerk.groups.add(Group.objects.get(name=OPERATIONS))
    return Books(ana, ben, eve, analyst, clerk)


@contextmanager
def committed(blocker: DjangoDbBlocker) -> Iterator[Books]:
    with blocker.unblock():
        try:
            yield books()
        finally:
            emptying.empty_tables()


def query(
    reader: QueryReader, sql: str, *, most: int = 100, seconds: float = 5, plan: str = "",
    **values: str,
) -> QueryResult:  # fmt: skip
    """What the explorer answers."""
    return run(QueryRequest(sql, values, most, seconds, plan), reader)


def rows(reader: QueryReader, sql: str, **values: str) -> list[tuple[str | None, ...]]:
    result = run(QueryRequest(sql, values, 100, 5), reader)
    assert result.problem is None, result.problem
    return result.rows
