"""Runs one query and returns its rows as text, or what Postgres answered instead."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from explorer.access import ExplorerReader
from explorer.running.parsed import SlowToParse, parsed, type_names
from explorer.running.placeholders import NumberedQuery, numbered
from explorer.running.session import (
    QueryConnection,
    begin_anew,
    end_late_queries,
    longest_silence,
    read_only_session,
)
from explorer.running.trapped import TOO_LARGE, TrappedError, lines_of
from explorer.schema.functions import SCHEMA
from ledger.db.backend.limited import ServerHangs
from ledger.text.lines import cut

MOST_COLUMNS = 60
MOST_CELLS = 1_000_000  # of a file: 20 columns of as many rows as it has at most
MOST_CHARACTERS = 2_000  # of a value; the rest is cut off
MEGABYTE = 1024 * 1024
MOST_MEGABYTES = 16  # of all values together
NUMBERS = {20, 21, 23, 26, 700, 701, 1700}
DATES = {1082: "date", 1114: "time", 1184: "time"}
JSON = {114, 3802}
VOID, TEXT_ARRAY = 2278, 1009
TOO_LONG, NO_RIGHT = "57014", "42501"
PLANS = {"": "", "estimate": "EXPLAIN", "run": "EXPLAIN (ANALYZE, BUFFERS)"}
NUMBERED = "Write parameters by name, such as :since, and not in a comment within a comment."
NO_ROWS = "This statement does not return rows. Run one SELECT, WITH, VALUES or TABLE query."
SLOW_TO_PARSE = (
    "It took too long to read the query before it began: constants such as a regular expression are"
    " too difficult, or the server is busy."
)
HIDDEN_TABLE = "The query names a table that it may not read. Read the views on this page."
LOCKS_HIDDEN_TABLE = f"SELECT {SCHEMA}.locks_hidden_table()".encode()
TOO_MANY_COLUMNS = f"The query has more than {MOST_COLUMNS} columns. Name those that you need."
NO_TIME_LEFT = "The rows took so long that no time was left for the plan."
TOO_MUCH = "The rows are larger than {} MB together. Ask for fewer rows or columns."


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column: its name, and its kind: number, date, time, json or text."""

    name: str
    kind: str

    @property
    def is_number(self) -> bool:
        return self.kind == "number"


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of the query, and its kind as Postgres reads the query."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there are no rows: a sentence, SQLSTATE, and the place in the typed text, from 0."""

    sentence: str
    state: str = ""
    place: int | None = None
    hint: str = ""


@dataclass(slots=True)
class QueryResult:
    """The rows of a query, as text, or the problem. `has_more`: there are more rows than asked for.

    `parameters` are those that the text names; without a value for each, nothing is run.
    """

    columns: Sequence[ResultColumn] = ()
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    parameters: Sequence[QueryParameter] = ()
    missing: Sequence[str] = ()
    has_more: bool = False
    seconds: float = 0.0
    plan: str = ""
    problem: Problem | None = None
    prefix: int = 0  # characters that stand before the typed text in what was sent last
    read_rows: bool = False  # whether it was executed

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000

    @property
    def was_run(self) -> bool:
        return self.problem is None and not self.missing

    @property
    def why_not(self) -> str:
        """The sentence for the history; "" if it was run."""
        if self.problem:
            return self.problem.sentence
        return f"It needs values for {', '.join(self.missing)}" if self.missing else ""


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What is asked for: the typed text, values by name, the most rows (fewer if they have more
    than MOST_CELLS values), how long it may take, the kind of plan, and how large the values may be
    together.
    """

    sql: str
    values: Mapping[str, str]
    most: int
    seconds: float
    plan: str = ""
    megabytes: int = MOST_MEGABYTES


def run(asked: QueryRequest, reader: ExplorerReader) -> QueryResult:
    """Runs the query on this thread's server, which may be a replica. From when it is executed the
    answer is for the log of reads, also if this raises.

    Raises NotSetUp, ExplorerBusy, and psycopg's OperationalError if the server fails or gives up
    for a conflict.
    """
    query = numbered(without_end(asked.sql))
    result = QueryResult()
    started = time.perf_counter()
    try:
        with read_only_session(reader, asked.seconds) as connection:
            try:
                _run_in(connection, reader, query, asked, result)
            except psycopg.Error as error:
                if not _is_about_the_query(error):
                    raise
                result.problem = _problem(error, query, asked, result.prefix)
            except TrappedError as refused:
                result.problem = _trapped(refused, asked)
    except ServerHangs:
        # Its time is over and Postgres did not stop it. Another server would not either.
        is_over = time.perf_counter() - started >= longest_silence(asked.seconds)
        if not (is_over and result.read_rows):
            raise
        end_late_queries()
        result.problem = Problem(not_stopped(asked.seconds), TOO_LONG)
    finally:
        result.seconds = time.perf_counter() - started
    if result.problem is not None:
        result.rows = []
    return result


def without_end(sql: str) -> str:
    """The text without the semicolon and blanks at its end."""
    return sql.rstrip().rstrip(";").rstrip()


def _run_in(
    connection: QueryConnection,
    reader: ExplorerReader,
    query: NumberedQuery,
    asked: QueryRequest,
    result: QueryResult,
) -> None:
    columns, types = _described(connection, query, result)
    if result.problem is not None:
        return
    result.missing = [name for name in query.names if name not in asked.values]
    if result.missing:
        return
    result.columns = [ResultColumn(name, _kind(oid)) for name, oid in columns]
    names = [f"c{place}" for place in range(1, len(columns) + 1)]
    most_rows = min(asked.most, MOST_CELLS // len(columns))
    head, end = "FROM (\n", f"\n) AS explored({', '.join(names)}) LIMIT {most_rows + 1}"
    result.prefix = len("SELECT 1 ") + len(head)
    parsed(connection, f"SELECT 1 {head}{query.text}{end}")
    texts = ", ".join(
        "NULL::text" if oid == VOID else f"left({name}::text, {MOST_CHARACTERS + 1})"
        for name, (_label, oid) in zip(names, columns, strict=True)
    )
    executed = query.with_array(type_names(connection, types))
    if query.names:  # parsed alone too: a mark may join what stands around it, a bracket does not
        result.prefix = 0
        parsed(connection, executed, [TEXT_ARRAY])
    inner = f"{head}{executed}{end}"
    values = [asked.values[name] for name in query.names]
    result.read_rows = True
    reader.open()  # before, because whatever happens then may depend on rows
    most = asked.megabytes * MEGABYTE
    rows = f"SELECT to_json(ARRAY[{texts}])::text {inner}"
    for line in lines_of(connection, rows, values, most):
        result.rows.append(tuple(map(_cut, json.loads(line))))
    result.has_more = len(result.rows) > most_rows
    del result.rows[most_rows:]
    if asked.plan:
        begin_anew(connection)
        explained = f"{PLANS[asked.plan]} SELECT * {inner}"
        try:
            result.plan = "\n".join(lines_of(connection, explained, values, most))
        except psycopg.errors.QueryCanceled:
            result.plan = NO_TIME_LEFT


def _described(
    connection: QueryConnection, query: NumberedQuery, result: QueryResult
) -> tuple[list[tuple[str, int]], list[int]]:
    """Lets Postgres parse the text by itself, without running it. Returns its columns, by name and
    type, and the types of its parameters.

    Raises psycopg's Error for text that is no single statement.
    """
    found = parsed(connection, query.text)
    types = [found.param_type(place) for place in range(found.nparams)]
    result.parameters = [
        QueryParameter(name, _kind(types[place]) if place < len(types) else "text")
        for place, name in enumerate(query.names)
    ]
    ((names_hidden_table,),) = connection.execute(LOCKS_HIDDEN_TABLE).fetchall()
    if names_hidden_table:  # for which a migration would wait until the query ends
        result.problem = Problem(HIDDEN_TABLE, NO_RIGHT)
    elif query.has_numbers or len(types) != len(query.names):
        result.problem = Problem(NUMBERED)
    elif not found.nfields:
        result.problem = Problem(NO_ROWS)
    elif found.nfields > MOST_COLUMNS:
        result.problem = Problem(TOO_MANY_COLUMNS)
    columns = [
        ((found.fname(place) or b"").decode(errors="replace"), found.ftype(place))
        for place in range(found.nfields)
    ]
    return columns, types


def _cut(value: str | None) -> str | None:
    return f"{value[:MOST_CHARACTERS]}…" if value and len(value) > MOST_CHARACTERS else value


def _kind(oid: int) -> str:
    if oid in NUMBERS:
        return "number"
    return DATES.get(oid, "json" if oid in JSON else "text")


def _is_about_the_query(error: psycopg.Error) -> bool:
    """Whether another server would answer the same. 40001 is a replica that gave up for a conflict,
    57P.. and 08 are servers that stop.
    """
    state = error.sqlstate or ""
    return state != "" and state[:2] not in ("08", "40") and not state.startswith("57P")


def _problem(
    error: psycopg.Error, query: NumberedQuery, asked: QueryRequest, prefix: int
) -> Problem:
    if isinstance(error, SlowToParse):
        return Problem(SLOW_TO_PARSE, TOO_LONG)
    if error.sqlstate == TOO_LONG:
        return Problem(too_slow(asked.seconds), TOO_LONG)
    diag = error.diag
    place = _place(diag.statement_position, query, prefix)
    message = (diag.message_primary or str(error)).strip()  # may repeat a value of any length
    hint = diag.message_hint or ""
    return Problem(
        cut(message, MOST_CHARACTERS), error.sqlstate or "", place, cut(hint, MOST_CHARACTERS)
    )


def _trapped(refused: TrappedError, asked: QueryRequest) -> Problem:
    if refused.state == TOO_LARGE:
        return Problem(TOO_MUCH.format(asked.megabytes))
    message, hint = (cut(text.strip(), MOST_CHARACTERS) for text in (refused.message, refused.hint))
    return Problem(message, refused.state, hint=hint)


def too_slow(seconds: float) -> str:
    return (
        f"The query was stopped because it took longer than {seconds:g} seconds. Ask for fewer"
        " rows, such as those of one month or one account."
    )


def not_stopped(seconds: float) -> str:
    return (
        f"The query took longer than {seconds:g} seconds, and the database did not stop it then."
        " Compare and search shorter texts and lists."
    )


def _place(position: str | None, query: NumberedQuery, prefix: int) -> int | None:
    """Where in the typed text Postgres found it, from 0; None outside of it."""
    place = int(position or 0) - 1 - prefix
    return query.typed_place(place) if 0 <= place < len(query.text) else None
