"""What a trace tells of a statement: a short name, and its text without any value.

Django's statements have placeholders, but not all SQL is Django's: what stands in quotation marks
or is a number is replaced by `?`, so that no value is told, whoever wrote the statement.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 4000  # characters of a text; what is left says where it came from
# Of a statement that are read at all. One that is cut in the middle of a literal ends there.
READ = 2 * LONGEST
CUT = " …"
# Whatever may hold a value, and names in quotation marks, which are kept. In this order: what
# begins first is read to its end, so that no quotation mark within another counts.
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
# Django names savepoints after threads.
SAVEPOINT = re.compile(r'"s\d+_x\d+"')
WRITES = re.compile(r"\b(INSERT INTO|DELETE FROM|(?<!FOR )(?<!KEY )(?<!DO )UPDATE)\s+([\w.\"]+)")
READS = re.compile(r"\bFROM\s+([a-z_][\w.]*|\"[\w.\"]+)", re.IGNORECASE)
FIRST = re.compile(r"[\s(]*([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class StatementText:
    """`operation` is its first word, of WITH that of the statement which writes; `name` has the
    table too, such as INSERT transactions.
    """

    name: str
    operation: str
    text: str

    @property
    def writes(self) -> bool:
        return self.operation in ("INSERT", "UPDATE", "DELETE", "COPY", "MERGE")


def described(sql: str) -> StatementText:
    """What a trace tells of this statement."""
    return _described(sql[:READ])


@lru_cache(maxsize=512)
def _described(sql: str) -> StatementText:
    """Reads each text once, because most statements come again and again."""
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
    return StatementText(name, operation, text if len(text) <= LONGEST else text[:LONGEST] + CUT)


def masked(sql: str) -> str:
    """The statement on one line, with `?` for every value and without comments."""
    return SPACE.sub(" ", PIECES.sub(_without_value, sql)).strip()


def _without_value(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind == "name":
        return '"savepoint"' if SAVEPOINT.fullmatch(found[0]) else found[0]
    return " " if kind == "comment" else "?"
