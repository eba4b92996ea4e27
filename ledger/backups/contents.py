"""Which entries of a dump are the bank's own.

The extensions that Ledger requires are: the role that restores a bank may make them. Others are the
server's, such as pg_stat_statements for monitoring: that role often may not make them, and another
server may not have them. So neither they, nor rows of tables that they make, nor publications,
subscriptions and event triggers are restored.
"""

import re

from ledger.db.extensions import REQUIRED

# "215; 1259 16391 TABLE public accounts ledger": the entry's number, two oids, and what it is.
ENTRY = re.compile(r"\d+; \d+ \d+ (.+?) *")
OF_THE_SERVER = ("EXTENSION", "PUBLICATION", "SUBSCRIPTION", "EVENT TRIGGER")
LEFT_OUT = tuple(
    f"{what}{kind} " for kind in OF_THE_SERVER for what in ("", "COMMENT - ", "SECURITY LABEL - ")
)
REQUIRED_HERE = {f"EXTENSION - {name}" for name in REQUIRED}
ROWS = {"TABLE DATA ": "TABLE ", "SEQUENCE SET ": "SEQUENCE "}


def of_the_bank(listed: str) -> str:
    """Of the lines of `pg_restore --list`, those to restore, for `--use-list`."""
    entries = {line: found[1] for line in listed.splitlines() if (found := ENTRY.fullmatch(line))}
    made = set(entries.values())
    return "".join(f"{line}\n" for line, entry in entries.items() if _is_of_the_bank(entry, made))


def _is_of_the_bank(entry: str, made: set[str]) -> bool:
    if entry.startswith(LEFT_OUT):
        return entry in REQUIRED_HERE
    for rows, table in ROWS.items():
        if entry.startswith(rows):
            return entry.replace(rows, table, 1) in made
    return True
