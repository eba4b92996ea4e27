"""Removes the values from SQL, for pages that show what a server runs.

`pg_stat_statements` usually replaces constants with placeholders. A SQL text may still contain
constants after the extension has removed statements to free space. On older servers, statements
such as `SET` and `ALTER ROLE` may also contain constants.
"""

import re

from ledger.db.queries.statement_text import PIECES, masked

REST = "…"
# SQL statements in which unquoted words are only names and keywords. In other statements, unquoted
# words may be values.
QUERIES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE"})


def without_values(sql: str) -> str:
    """Returns the SQL statement on one line, without comments, and with `?` in place of each string
    and number.

    Returns only the first word and "…" if the statement is not a query.
    """
    first = re.match(r"[\s(]*(\w*)", sql)
    word = first[1].upper() if first else ""
    if word not in QUERIES:
        return f"{word} {REST}" if word.isalpha() else REST
    for piece in PIECES.finditer(sql):
        if piece["text"] and "\\" in piece[0]:
            # The end of this string depends on the setting standard_conforming_strings.
            return f"{masked(sql[: piece.start()])} ? {REST}"
    return masked(sql)
