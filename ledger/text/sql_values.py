"""SQL without its values, for pages that show what a server runs.

`pg_stat_statements` replaces constants by placeholders, but not always. A text may keep its
constants when the extension drops statements to free space, and on older servers in statements that
are not queries, such as `SET` and `ALTER ROLE`. So this module removes the values again.
"""

import re

from ledger.db.queries.statement_text import PIECES, masked

REST = "…"
# Statements in which unquoted words are only names and keywords. In others they may be values.
QUERIES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE"})


def without_values(sql: str) -> str:
    """Returns the statement on one line, with `?` for every string and number and without comments.

    For a statement that is not a query, returns only its first word and "…".
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
