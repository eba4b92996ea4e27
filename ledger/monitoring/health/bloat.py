"""The last part of the page "Database": dead rows, sizes, unused indexes and the age of
transactions.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger.monitoring.health import queries
from ledger.monitoring.health.queries import (
    FreezeFacts,
    HeldBack,
    OpenSession,
    PreparedTransaction,
    ServerFacts,
    TableFacts,
    UnusedIndex,
)
from ledger.monitoring.health.reading import HealthAnswer, HealthReader
from ledger.text.lines import counted
from ledger.text.measures import percent, size, span

OVERDUE = 2.0  # times the number of dead rows at which autovacuum begins
FEWEST = 1000  # a smaller number of dead rows is not a problem
FREEZE_LATE = 1.5  # times the age at which autovacuum freezes a table
HELD_LONG = 1_000_000  # number of transactions
NEVER = "never"
ORDERS: dict[str, Callable[[TableFacts], float]] = {
    "dead": lambda table: -table.dead / max(table.limit, 1.0),
    "size": lambda table: -((table.size or 0) + (table.index_size or 0)),
}


@dataclass(frozen=True)
class TableShown:
    """A table with its numbers as texts for the page. `limit_share` is the number of dead rows, in
    percent of the number at which autovacuum begins.
    """

    name: str
    live: int
    dead: int
    limit_share: str
    is_overdue: bool
    vacuumed: str
    analyzed: str
    size: str
    index_size: str
    dead_size: str
    has_autovacuum: bool


@dataclass(frozen=True)
class Age:
    """The age of the oldest transaction ids, and the age at which autovacuum must freeze a
    table.
    """

    label: str
    age: int
    limit: int
    share: float

    @property
    def share_shown(self) -> str:
        return percent(self.share)


@dataclass(frozen=True)
class BloatPart:
    """The part of the page about tables and indexes."""

    tables: HealthAnswer[TableFacts]
    indexes: HealthAnswer[UnusedIndex]
    freeze: HealthAnswer[FreezeFacts]
    slots: HealthAnswer[HeldBack]
    rows: list[TableShown]
    worst: TableShown | None
    unused: list[tuple[UnusedIndex, str]]
    ages: list[Age]
    oldest_table: str
    held_back: list[str]
    care: list[str] = field(default_factory=list)

    @property
    def answers(self) -> tuple[HealthAnswer[Any], ...]:
        return self.tables, self.indexes, self.freeze, self.slots

    @property
    def sentence(self) -> str:
        if self.worst is None:
            return self.tables.sentence or "This database has no tables."
        if self.worst.is_overdue:
            return f"{self.worst.name} has the most dead rows for its size: {self.worst.dead:,}."
        return "No table has many more dead rows than autovacuum allows."


def bloat_part(
    reader: HealthReader,
    server: ServerFacts,
    order: str,
    sessions: list[OpenSession],
    prepared: list[PreparedTransaction],
) -> BloatPart:
    """Reads the data of this part of the page: the tables, the unused indexes, and the causes that
    prevent the removal of dead rows. `order` is a key of ORDERS and sorts the tables.
    """
    tables = reader.ask(queries.TABLES, TableFacts)
    indexes = reader.ask(queries.UNUSED_INDEXES, UnusedIndex)
    freeze = reader.ask(queries.FREEZE, FreezeFacts)
    slots = reader.ask(queries.SLOTS, HeldBack)
    by_share = [_table_shown(each) for each in sorted(tables.rows, key=ORDERS["dead"])]
    wanted = [each for each in tables.rows if each.dead or order != "dead"]
    rows = [_table_shown(each) for each in sorted(wanted, key=ORDERS[order])[: queries.MAX_ROWS]]
    ages = list(_ages(freeze.rows))
    return BloatPart(
        tables, indexes, freeze, slots, rows, by_share[0] if by_share else None,
        unused=[(each, _size(each.size)) for each in indexes.rows],
        ages=ages,
        oldest_table=freeze.rows[0].oldest_table or "" if freeze.rows else "",
        held_back=list(_held_back(sessions, prepared, slots.rows)),
        care=[] if server.is_standby else list(_care(by_share, ages)),
    )  # fmt: skip


def _table_shown(found: TableFacts) -> TableShown:
    share = found.dead / max(found.limit, 1.0)
    return TableShown(
        name=found.name,
        live=found.live,
        dead=found.dead,
        limit_share=percent(share),
        is_overdue=share >= OVERDUE and found.dead >= FEWEST,
        vacuumed=_ago(found.vacuumed_seconds),
        analyzed=_ago(found.analyzed_seconds),
        size=_size(found.size),
        index_size=_size(found.index_size),
        dead_size="" if found.dead_bytes is None else size(found.dead_bytes),
        has_autovacuum=found.has_autovacuum,
    )


def _ago(seconds: float | None) -> str:
    return NEVER if seconds is None else f"{span(seconds)} ago"


def _size(number: float | None) -> str:
    """Returns a size as text, or "locked" for None. The size of a locked table is not known."""
    return "locked" if number is None else size(number)


def _ages(found: list[FreezeFacts]) -> Iterator[Age]:
    for each in found:
        for label, age, limit in (
            ("Transaction ids", each.xid_age, each.xid_limit),
            ("Multixact ids", each.multixact_age, each.multixact_limit),
        ):
            yield Age(label, age, limit, age / max(limit, 1))


def _held_back(
    sessions: list[OpenSession], prepared: list[PreparedTransaction], slots: list[HeldBack]
) -> Iterator[str]:
    """Yields what prevents the removal of dead rows, as texts: the oldest session, the oldest
    prepared transaction and the oldest replication slot.
    """
    seen = [each for each in sessions if each.xmin_age is not None]
    for session in sorted(seen, key=lambda each: -(each.xmin_age or 0))[:1]:
        yield f"session {session.pid} sees rows of {_past(session.xmin_age)}"
    for each in sorted(prepared, key=lambda each: -each.xid_age)[:1]:
        yield f"the prepared transaction {each.name}, {_past(each.xid_age)}"
    for slot in slots[:1]:
        active = "" if slot.is_active else ", which nobody uses"
        yield f"the replication slot {slot.slot}{active}, {_past(slot.xmin_age)}"


def _past(transactions: int | None) -> str:
    return f"{counted(transactions or 0, 'transaction')} ago"


def _care(rows: list[TableShown], ages: list[Age]) -> Iterator[str]:
    for row in rows:
        if row.is_overdue:
            yield (
                f"{row.name} has {row.dead:,} dead rows, {row.limit_share} of the number at which"
                " autovacuum begins."
            )
    for age in ages:
        if age.share >= FREEZE_LATE:
            yield (
                f"{age.label} are {age.age:,} old, {age.share_shown} of the age at which autovacuum"
                " freezes them."
            )
