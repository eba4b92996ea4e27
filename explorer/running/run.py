"""Runs one query and returns its rows as text, or the error that Postgres reported."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from explorer.access import QueryReader
from explorer.models import QueryRun
from explorer.running.parsed import SlowToParse, parsed, type_names
from explorer.running.placeholders import NumberedQuery, numbered
from explorer.running.session import (
    QueryConnection,
    end_late_queries,
    longest_silence,
    read_only_session,
    undo_settings,
)
from explorer.running.trapped import TOO_LARGE, TrappedError, lines_of
from explorer.schema.functions import SCHEMA
from ledger.db.backend.limited import ServerHangs
from ledger.text.lines import cut

MAX_COLUMNS = 60
MAX_CELLS = 1_000_000  # enough for 20 columns with the maximum number of rows of a file
MAX_CHARACTERS = 2_000  # longer values are cut off
MEGABYTE = 1024 * 1024
MAX_MEGABYTES = 16  # for all values together
NUMBERS = {20, 21, 23, 26, 700, 701, 1700}
DATES = {1082: "date", 1114: "time", 1184: "time"}
JSON = {114, 3802}
VOID, TEXT_ARRAY = 2278, 1009
TOO_LONG, NO_RIGHT = "57014", "42501"
PLANS = {"": "", "estimate": "EXPLAIN", "run": "EXPLAIN (ANALYZE, BUFFERS)"}
NUMBERED = "Write parameters by name, such as :since, and not in a comment within a comment."
NO_ROWS = "This statement does not return rows. Run one SELECT, WITH, VALUES or TABLE query."
EXPLAIN = re.compile(r"\s*explain\b", re.IGNORECASE)
NO_EXPLAIN = "Run the query without EXPLAIN. This page can show the plan below the rows."
SLOW_TO_PARSE = (
    "Postgres took too long to read the query before it ran. A constant such as a regular "
    "expression is too complex, or the server is busy."
)
HIDDEN_TABLE = "The query uses a table that you may not read. Use the views on this page."
LOCKS_HIDDEN_TABLE = f"SELECT {SCHEMA}.locks_hidden_table()".encode()
TOO_MANY_COLUMNS = (
    f"The query has more than {MAX_COLUMNS} columns. List only the columns that you need."
)
NO_TIME_LEFT = "The rows took so long that no time was left for the plan."
TOO_MUCH = "Together, the rows are larger than {} MB. Ask for fewer rows or columns."


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result: its name and its kind (number, date, time, json or text)."""

    name: str
    kind: str

    @property
    def is_number(self) -> bool:
        return self.kind == "number"


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of the query, with its kind, which Postgres derives from the query."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Problem:
    """The reason why a query returned no rows: a message, the SQLSTATE, and the position in the
    entered text, which starts at 0.
    """

    sentence: str
    state: str = ""
    place: int | None = None
    hint: str = ""


@dataclass(slots=True)
class QueryResult:
    """The rows of a query as text, or the text of the error. `has_more` is True if there are more
    rows than requested.

    `parameters` are the parameters in the SQL text of the query. `missing` contains the names of
    the parameters without a value. The query is run only if no value is missing.
    """

    columns: Sequence[ResultColumn] = ()
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    parameters: Sequence[QueryParameter] = ()
    missing: Sequence[str] = ()
    has_more: bool = False
    seconds: float = 0.0
    plan: str = ""
    problem: Problem | None = None
    prefix: int = 0  # the number of characters before the entered text in the last SQL statement
    read_rows: bool = False  # whether the query was executed

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000

    @property
    def was_run(self) -> bool:
        return self.problem is None and not self.missing

    @property
    def outcome(self) -> QueryRun.RunOutcome:
        """The outcome for the history."""
        if self.was_run:
            return QueryRun.RunOutcome.ROWS
        is_slow = self.problem is not None and self.problem.state == TOO_LONG
        return QueryRun.RunOutcome.STOPPED if is_slow else QueryRun.RunOutcome.REFUSED

    @property
    def why_not(self) -> str:
        """The message for the history, or "" if the query was run."""
        if self.problem:
            return self.problem.sentence
        return f"It needs values for {', '.join(self.missing)}" if self.missing else ""


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A request to run a query: the entered text, the values of its parameters by name, the maximum
    number of rows, the time limit in seconds, the kind of plan, and the maximum size of the rows.

    If the rows would have more than MAX_CELLS values, fewer rows are returned.
    """

    sql: str
    values: Mapping[str, str]
    most: int
    seconds: float
    plan: str = ""
    megabytes: int = MAX_MEGABYTES


def run(query_request: QueryRequest, reader: QueryReader) -> QueryResult:
    """Runs the query on the server that this thread uses, which may be a replica, and returns the
    result. Logs the read if the query was executed, even after an error.

    Raises: NotSetUp; ExplorerBusy; psycopg's OperationalError if the server fails, or cancels the
    query because of a conflict.
    """
    query = numbered(without_end(query_request.sql))
    result = QueryResult()
    started = time.perf_counter()
    try:
        with read_only_session(reader, query_request.seconds) as connection:
            try:
                _run_in(connection, reader, query, query_request, result)
            except psycopg.Error as error:
                if not _is_about_the_query(error):
                    raise
                result.problem = _problem(error, query, query_request, result.prefix)
            except TrappedError as refused:
                result.problem = _trapped(refused, query_request)
    except ServerHangs:
        # The time limit has passed and Postgres did not stop the query. Another server would not
        # stop the query either.
        is_over = time.perf_counter() - started >= longest_silence(query_request.seconds)
        if not (is_over and result.read_rows):
            raise
        end_late_queries()
        result.problem = Problem(not_stopped(query_request.seconds), TOO_LONG)
    finally:
        result.seconds = time.perf_counter() - started
    if result.problem is not None:
        result.rows = []
    return result


def without_end(sql: str) -> str:
    """Returns the SQL text without a semicolon and spaces at its end."""
    return sql.rstrip().rstrip(";").rstrip()


def _run_in(
    connection: QueryConnection,
    reader: QueryReader,
    query: NumberedQuery,
    query_request: QueryRequest,
    result: QueryResult,
) -> None:
    columns, types = _described(connection, query, result)
    if result.problem is not None:
        return
    result.missing = [name for name in query.names if name not in query_request.values]
    if result.missing:
        return
    result.columns = [ResultColumn(name, _kind(oid)) for name, oid in columns]
    names = [f"c{place}" for place in range(1, len(columns) + 1)]
    most_rows = min(query_request.most, MAX_CELLS // len(columns))
    head, end = "FROM (\n", f"\n) AS explored({', '.join(names)}) LIMIT {most_rows + 1}"
    result.prefix = len("SELECT 1 ") + len(head)
    parsed(connection, f"SELECT 1 {head}{query.text}{end}")
    texts = ", ".join(
        "NULL::text" if oid == VOID else f"left({name}::text, {MAX_CHARACTERS + 1})"
        for name, (_label, oid) in zip(names, columns, strict=True)
    )
    executed = query.with_array(type_names(connection, types))
    # This text is also parsed separately, because its tokens may differ: the marker $1 may join
    # adjacent text, but a bracket cannot
    if query.names:
        result.prefix = 0
        parsed(connection, executed, [TEXT_ARRAY])
    inner = f"{head}{executed}{end}"
    values = [query_request.values[name] for name in query.names]
    result.read_rows = True
    reader.open()  # called before the query runs, because everything after this may depend on rows
    most = query_request.megabytes * MEGABYTE
    rows = f"SELECT to_json(ARRAY[{texts}])::text {inner}"
    for line in lines_of(connection, rows, values, most):
        result.rows.append(tuple(map(_cut, json.loads(line))))
    result.has_more = len(result.rows) > most_rows
    del result.rows[most_rows:]
    if query_request.plan:
        undo_settings(connection)
        explained = f"{PLANS[query_request.plan]} SELECT * {inner}"
        try:
            result.plan = "\n".join(lines_of(connection, explained, values, most))
        except psycopg.errors.QueryCanceled:
            result.plan = NO_TIME_LEFT


def _described(
    connection: QueryConnection, query: NumberedQuery, result: QueryResult
) -> tuple[list[tuple[str, int]], list[int]]:
    """Lets Postgres parse the text separately, without running it. Returns the names and types of
    its columns, and the types of its parameters. Sets `result.problem` if the query cannot be run.

    Raises: psycopg's Error if the text is not a single valid statement.
    """
    found = parsed(connection, query.text)
    types = [found.param_type(place) for place in range(found.nparams)]
    result.parameters = [
        QueryParameter(name, _kind(types[place]) if place < len(types) else "text")
        for place, name in enumerate(query.names)
    ]
    ((names_hidden_table,),) = connection.execute(LOCKS_HIDDEN_TABLE).fetchall()
    if names_hidden_table:  # a migration would wait for this table until the query ends
        result.problem = Problem(HIDDEN_TABLE, NO_RIGHT)
    elif query.has_numbers or len(types) != len(query.names):
        result.problem = Problem(NUMBERED)
    elif not found.nfields:
        result.problem = Problem(NO_ROWS)
    elif EXPLAIN.match(query.text):
        result.problem = Problem(NO_EXPLAIN)
    elif found.nfields > MAX_COLUMNS:
        result.problem = Problem(TOO_MANY_COLUMNS)
    columns = [
        ((found.fname(place) or b"").decode(errors="replace"), found.ftype(place))
        for place in range(found.nfields)
    ]
    return columns, types


def _cut(value: str | None) -> str | None:
    return f"{value[:MAX_CHARACTERS]}…" if value and len(value) > MAX_CHARACTERS else value


def _kind(oid: int) -> str:
    if oid in NUMBERS:
        return "number"
    return DATES.get(oid, "json" if oid in JSON else "text")


def _is_about_the_query(error: psycopg.Error) -> bool:
    """Returns whether the query caused the error. Another server would then return the same error.
    Returns False for the code 40001, with which a replica cancels a query because of a conflict.
    Also returns False for codes that begin with 57P or 08, which a server returns when it stops.
    """
    state = error.sqlstate or ""
    return state != "" and state[:2] not in ("08", "40") and not state.startswith("57P")


def _problem(
    error: psycopg.Error, query: NumberedQuery, query_request: QueryRequest, prefix: int
) -> Problem:
    if isinstance(error, SlowToParse):
        return Problem(SLOW_TO_PARSE, TOO_LONG)
    if error.sqlstate == TOO_LONG:
        return Problem(too_slow(query_request.seconds), TOO_LONG)
    diag = error.diag
    place = _place(diag.statement_position, query, prefix)
    # The message may repeat a value of any length
    message = (diag.message_primary or str(error)).strip()
    hint = diag.message_hint or ""
    return Problem(
        cut(message, MAX_CHARACTERS), error.sqlstate or "", place, cut(hint, MAX_CHARACTERS)
    )


def _trapped(refused: TrappedError, query_request: QueryRequest) -> Problem:
    if refused.state == TOO_LARGE:
        return Problem(TOO_MUCH.format(query_request.megabytes))
    message, hint = (cut(text.strip(), MAX_CHARACTERS) for text in (refused.message, refused.hint))
    return Problem(message, refused.state, hint=hint)


def too_slow(seconds: float) -> str:
    return (
        f"The query was stopped because it took longer than {seconds:g} seconds. Ask for fewer"
        " rows, such as those of one month or one account."
    )


def not_stopped(seconds: float) -> str:
    return (
        f"The query took longer than {seconds:g} seconds, and the database did not stop it in time."
        " Use shorter texts and lists in comparisons and searches."
    )


def _place(position: str | None, query: NumberedQuery, prefix: int) -> int | None:
    """Returns the position of the error in the entered text, starting at 0, or None if the error is
    outside the entered text.
    """
    place = int(position or 0) - 1 - prefix
    return query.typed_place(place) if 0 <= place < len(query.text) else None
