"""SQL without its values, for pages that show what a server runs.

`pg_stat_statements` puts placeholders in place of constants, but not always: when it drops
statements to make room, a text may keep its constants, and statements that are no query, such as
`SET` and `ALTER ROLE`, keep them on older servers. So the values are taken out here once more.
"""

import re

from ledger.db.queries.statement_text import PIECES, masked

REST = "…"
# Statements whose bare words are names and keywords alone. In others they may be values.
QUERIES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE"})


def without_values(sql: str) -> str:
    """The statement on one line with `?` in place of every string and number, and without comments.

    Of a statement that is no query only its first word is left.
    """
    first = re.match(r"[\s(]*(\w*)", sql)
    word = first[1].upper() if first else ""
    if word not in QUERIES:
        return f"{word} {REST}" if word.isalpha() else REST
    for piece in PIECES.finditer(sql):
        if piece["text"] and "\\" in piece[0]:
            # Where it ends depends on a setting of the session (standard_conforming_strings).
            return f"{masked(sql[: piece.start()])} ? {REST}"
    return masked(sql)
