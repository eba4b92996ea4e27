"""Selects the entries of a dump that must be restored.

The extensions that Ledger requires are restored, because the role that restores a bank may create
them. Other extensions, such as pg_stat_statements for monitoring, are not restored. The role often
has no right to create them, and they may be missing on the new server. The following are not
restored either: publications, subscriptions, event triggers, and the rows of tables that belong to
these other extensions.
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
    """Returns the lines of `listed`, the output of `pg_restore --list`, for the entries that must
    be restored. The result is a text for `--use-list`.
    """
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
