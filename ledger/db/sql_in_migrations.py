"""Formats the SQL in migrations with lines of at most 80 characters and with indentation.

This module supports PL/pgSQL and changes only white space. `ledger.text.sql_layout` formats the SQL
on pages.
"""

import re
from collections.abc import Iterator

from django.db.migrations.serializer import BaseSerializer
from django.db.migrations.writer import MigrationWriter

WIDTH, INDENT = 80, " " * 4
COMMENT = re.compile(r"(?:'[^']*'|[^'])*?--")
# Text up to the next space that is not inside quotes.
PART = re.compile(r"(?:'(?:[^']|'')*'|[^\s'])+")
WORD = re.compile(r"'(?:[^']|'')*'|\w+|[()]|--.*")
# At the beginning of a line, these words end one level of indentation.
OUT = (")", "END", "ELSIF", "ELSE", "WHEN", "EXCEPTION")


class Sql:
    """SQL that `makemigrations` writes on several lines."""

    def __init__(self, text: str) -> None:
        self.text = text


class SqlSerializer(BaseSerializer):
    def serialize(self) -> tuple[str, set[str]]:
        lines = list(laid_out(self.value.text))
        if len(lines) == 1:
            return repr(lines[0]), set()
        text = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"""')
        return f'"""\n{text}\n"""', set()


MigrationWriter.register_serializer(Sql, SqlSerializer)


def one_line(sql: str) -> str:
    """Returns the SQL without line breaks and indentation."""
    return " ".join(sql.split())


def laid_out(sql: str) -> Iterator[str]:
    """Yields the indented lines of this SQL. Each statement begins a new line, and there are no
    empty lines.
    """
    depth, cases = 0, 0
    for line in _lines(sql):
        words = [word.upper() for word in WORD.findall(line)]
        first = next((at for at, word in enumerate(words) if word not in OUT), len(words))
        yield from _wrapped(line, INDENT * max(depth - first, 0))
        before = ""
        for word in words:
            if before == "END" and word in ("IF", "LOOP", "CASE"):
                continue
            cases += (word == "CASE") - (word == "END" and cases > 0)
            is_block = word in ("(", "CASE", "LOOP", "BEGIN") or (word == "THEN" and not cases)
            depth += is_block - (word in (")", "END", "ELSIF"))
            before = word


def _lines(sql: str) -> Iterator[str]:
    for line in filter(None, map(str.strip, sql.splitlines())):
        statement: list[str] = []
        for part in [line] if COMMENT.match(line) else PART.findall(line):
            statement.append(part)
            if part.endswith(";"):
                yield " ".join(statement)
                statement = []
        if statement:
            yield " ".join(statement)


def _wrapped(line: str, indent: str) -> Iterator[str]:
    if COMMENT.match(line):
        yield indent + line
        return
    first, *others = PART.findall(line)
    found = indent + first
    for part in others:
        if len(found) + len(part) < WIDTH:
            found += f" {part}"
        else:
            yield found
            found = indent + INDENT + part
    yield found
