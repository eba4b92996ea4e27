"""Selects the entries of a dump that belong to the bank.

The extensions that Ledger requires belong to the bank, because the role that restores a bank may
create them. Other extensions belong to the server, for example pg_stat_statements for monitoring.
The role that restores a bank often may not create other extensions, and another server may not have
them. Therefore other extensions, rows of their tables, publications, subscriptions and event
triggers are not restored.
"""

import re

from ledger.db.extensions import REQUIRED

# An entry: "215; 1259 16391 TABLE public accounts ledger". The parts are the entry's number, two
# oids and the object.
ENTRY = re.compile(r"\d+; \d+ \d+ (.+?) *")
SERVER_OBJECTS = ("EXTENSION", "PUBLICATION", "SUBSCRIPTION", "EVENT TRIGGER")
LEFT_OUT = tuple(
    f"{what}{kind} " for kind in SERVER_OBJECTS for what in ("", "COMMENT - ", "SECURITY LABEL - ")
)
REQUIRED_HERE = {f"EXTENSION - {name}" for name in REQUIRED}
ROWS = {"TABLE DATA ": "TABLE ", "SEQUENCE SET ": "SEQUENCE "}


def bank_entries(listed: str) -> str:
    """Returns the lines of `pg_restore --list` that must be restored, as text for `--use-list`."""
    entries = {line: found[1] for line in listed.splitlines() if (found := ENTRY.fullmatch(line))}
    created = set(entries.values())
    return "".join(
        f"{line}\n" for line, entry in entries.items() if _belongs_to_bank(entry, created)
    )


def _belongs_to_bank(entry: str, created: set[str]) -> bool:
    if entry.startswith(LEFT_OUT):
        return entry in REQUIRED_HERE
    for rows, table in ROWS.items():
        if entry.startswith(rows):
            return entry.replace(rows, table, 1) in created
    return True
