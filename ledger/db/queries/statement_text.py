"""Describes SQL statements for traces: a short name, and the SQL text without values.

All literals and numbers are replaced with `?`, so that a trace never contains a value. This is
necessary because not all SQL comes from Django and uses placeholders.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

MAX_LENGTH = 4000  # characters of a SQL text, which are enough to recognise the statement
# Only this many characters of a SQL statement are read. If a literal is cut in the middle, the text
# ends there.
READ = 2 * MAX_LENGTH
CUT = " …"
# Everything that may contain a value, and names in quotation marks, which are kept. The order is
# important: each match is read to its end, so that a quotation mark inside another literal is
# ignored.
PIECES = re.compile(
    r"""
      (?P<name> "(?:[^"]|"")*")
    | (?P<escaped> \b[eE]'(?:[^'\\]|''|\\.)*')
    | (?P<text> (?:\b[bBxXnN]|\b[uU]&)?'(?:[^']|'')*')
    | (?P<dollars> \$(?P<tag>[^\W\d]\w*|)\$.*?\$(?P=tag)\$)
    | (?P<comment> --[^\n]* | /\*.*?\*/)
    | (?P<number> (?<![\w.$])(?:\d[\w.]*|\.\d\w*))
    | (?P<unended> ['"] .* | \$(?:[^\W\d]\w*|)\$ .* | /\*.*)
    """,
    re.VERBOSE | re.DOTALL,
)
SPACE = re.compile(r"\s+")
# Django puts the id of the thread into the name of a savepoint.
SAVEPOINT = re.compile(r'"s\d+_x\d+"')
WRITES = re.compile(r"\b(INSERT INTO|DELETE FROM|(?<!FOR )(?<!KEY )(?<!DO )UPDATE)\s+([\w.\"]+)")
READS = re.compile(r"\bFROM\s+([a-z_][\w.]*|\"[\w.\"]+)", re.IGNORECASE)
FIRST = re.compile(r"[\s(]*([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class StatementText:
    """The description of a SQL statement.

    `operation` is the first word of the statement, such as INSERT. If the statement begins with
    WITH and writes, `operation` is the word that writes. `name` is the operation with the table,
    such as INSERT transactions.
    """

    name: str
    operation: str
    text: str

    @property
    def writes(self) -> bool:
        return self.operation in ("INSERT", "UPDATE", "DELETE", "COPY", "MERGE")


def described(sql: str) -> StatementText:
    """Returns the description of a SQL statement for a trace."""
    return _described(sql[:READ])


@lru_cache(maxsize=512)
def _described(sql: str) -> StatementText:
    """Returns the description of a SQL statement. The results are cached, because most statements
    are repeated.
    """
    text = masked(sql)
    first = FIRST.match(text)
    operation = first[1].upper() if first else "SQL"
    table = ""
    if operation == "COPY":
        table = text.split(" ")[1] if " " in text else ""
    elif (operation in ("INSERT", "UPDATE", "DELETE", "WITH")) and (found := WRITES.search(text)):
        operation, table = found[1].partition(" ")[0], found[2]
    elif operation in ("SELECT", "WITH") and (read := READS.search(text)):
        operation, table = "SELECT", read[1]
    table = table.replace('"', "").removeprefix("public.")
    name = f"{operation} {table}".rstrip()
    return StatementText(
        name, operation, text if len(text) <= MAX_LENGTH else text[:MAX_LENGTH] + CUT
    )


def masked(sql: str) -> str:
    """Returns the SQL statement on one line, without comments, and with `?` in place of each
    value.
    """
    return SPACE.sub(" ", PIECES.sub(_without_value, sql)).strip()


def _without_value(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind == "name":
        return '"savepoint"' if SAVEPOINT.fullmatch(found[0]) else found[0]
    return " " if kind == "comment" else "?"
