"""The second part of the page "Database": the SQL statements that take the most time."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.db.extensions import SCHEMA
from ledger.monitoring.health import queries
from ledger.monitoring.health.queries import (
    Extension,
    KnownText,
    ServerFacts,
    Statement,
    StatementCounts,
)
from ledger.monitoring.health.reading import NO_RIGHT, NOT_LOADED, HealthAnswer, HealthReader
from ledger.text.lines import counted
from ledger.text.measures import milliseconds, percent, span
from ledger.text.sql_values import without_values

# The commands in LOADED run after the restart. Before Postgres 17, a server refuses the settings of
# a library that is not loaded. After the restart, track_utility needs only a reload.
LOAD = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements';"
CREATE = f"CREATE EXTENSION pg_stat_statements SCHEMA {SCHEMA};"
LOADED = (
    "ALTER SYSTEM SET pg_stat_statements.track_utility = off;",
    "SELECT pg_reload_conf();",
)
NOT_HERE = (
    "This server does not have the extension pg_stat_statements, so this page cannot show which"
    " statements take the most time. The extension is part of the embedded server, Debian's"
    " Postgres, the image of Postgres and RDS."
)
NOT_MADE = (
    "The extension pg_stat_statements is available, but not in use. To turn it on, a superuser runs"
    " the first line, restarts the server, and runs the other lines in this database. If the server"
    " already loads other libraries, name them in the first line, too."
)
NOT_LOADED_YET = (
    "The extension pg_stat_statements exists, but the server has not loaded it. A superuser runs"
    " the first line, in which the libraries that are already loaded must be named too, restarts"
    " the server, and runs the other lines."
)
NOT_ALLOWED = (
    "The role {role} may not read pg_stat_statements. Its owner or a superuser can allow it:"
)
SHORT = 200  # number of characters of a SQL statement that the page shows until the user expands it


@dataclass(frozen=True)
class StatementShown:
    """A SQL statement with its statistics as texts for the page."""

    query_id: int
    text: str
    role: str
    calls: int
    mean: str
    total: str
    share: str
    rows: int
    hit_ratio: str

    @property
    def is_long(self) -> bool:
        return len(self.text) > SHORT


@dataclass(frozen=True)
class StatementsPart:
    """The part of the page about SQL statements. If statements cannot be shown, `sentence` contains
    the reason, and `commands` contains the SQL commands that solve the problem.
    """

    sentence: str
    commands: tuple[str, ...] = ()
    rows: list[StatementShown] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    counted: str = ""
    schema: str = ""

    @property
    def is_read(self) -> bool:
        return bool(self.schema)


def statements_part(reader: HealthReader, server: ServerFacts, order: str) -> StatementsPart:
    """Reads the SQL statements with the highest values for this part of the page. `order` is a key
    of `queries.ORDERS`.
    """
    found = reader.ask(queries.EXTENSION, Extension)
    extension = found.rows[0] if found.rows else Extension(None, None, None)
    if extension.schema is None:
        if extension.available is None:
            return StatementsPart(found.sentence or NOT_HERE)
        return StatementsPart(NOT_MADE, (LOAD, CREATE, *LOADED))
    answer = reader.ask(queries.statements(extension.schema, order), Statement)
    if answer.refused:
        return _refused(answer, extension.schema, server)
    counts = reader.ask(queries.statement_counts(extension.schema), StatementCounts)
    rows = [_shown(each) for each in answer.rows if each.query_id is not None][: queries.MAX_ROWS]
    return StatementsPart(
        _sentence(rows),
        rows=rows,
        others=list(_of_others(answer.rows)),
        counted=_counted(counts.rows),
        schema=extension.schema,
    )


def texts_of(reader: HealthReader, schema: str, query_ids: Iterable[int | None]) -> dict[int, str]:
    """Returns the texts of the SQL statements with these ids, without values. Statements that the
    role may not read can be missing.
    """
    wanted = sorted({each for each in query_ids if each})
    if not schema or not wanted:
        return {}
    answer = reader.ask(queries.texts(schema, wanted), KnownText)
    return {each.query_id: without_values(each.text) for each in answer.rows if each.query_id}


def _refused(answer: HealthAnswer[Statement], schema: str, server: ServerFacts) -> StatementsPart:
    if answer.refused == NOT_LOADED:
        return StatementsPart(NOT_LOADED_YET, (LOAD, *LOADED))
    if answer.refused == NO_RIGHT:
        return StatementsPart(
            NOT_ALLOWED.format(role=server.role),
            (
                f"GRANT USAGE ON SCHEMA {schema} TO {server.role};",
                f"GRANT SELECT ON {schema}.pg_stat_statements TO {server.role};",
                f"GRANT SELECT ON {schema}.pg_stat_statements_info TO {server.role};",
            ),
        )
    return StatementsPart(answer.sentence)


def _shown(found: Statement) -> StatementShown:
    assert found.query_id is not None  # noqa: S101 - the caller leaves these out
    return StatementShown(
        query_id=found.query_id,
        text=without_values(found.text or ""),
        role=found.role,
        calls=found.calls,
        mean=milliseconds(found.mean_ms),
        total=milliseconds(found.total_ms),
        share=percent(found.share or 0),
        rows=found.rows,
        hit_ratio="" if found.hit_ratio is None else percent(found.hit_ratio),
    )


def _sentence(rows: list[StatementShown]) -> str:
    if not rows:
        return "No statements have been counted yet."
    return f"{counted(len(rows), 'statement')}; the list shows only what this login may read."


def _of_others(rows: Iterable[Statement]) -> Iterable[str]:
    for each in rows:
        if each.query_id is None:
            yield (
                f"{each.role}: {counted(each.kinds, 'statement')}, {counted(each.calls, 'call')},"
                f" {milliseconds(each.total_ms)}, {percent(each.share or 0)} of the total time"
            )


def _counted(found: list[StatementCounts]) -> str:
    if not found:
        return ""
    since = f"Counted for {span(found[0].counted_seconds)}."
    if not found[0].dropped:
        return since
    return (
        f"{since} Postgres dropped statements {counted(found[0].dropped, 'time')} to free space:"
        " raise pg_stat_statements.max."
    )
