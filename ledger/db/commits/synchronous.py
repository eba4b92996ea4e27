"""Reads the state of the standbys that confirm commits (`synchronous_standby_names`), as far as
every role may see it.

A role without `pg_read_all_stats` sees the names of the connected standbys, but not their progress.
Therefore a standby that hangs counts as connected until `wal_sender_timeout` is over.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

NOT_CONFIRMED = (
    "No standby confirms commits: {connected} of the {needed} synchronous standbys that each commit"
    " waits for are connected, so every write waits."
)
CONFIRMATION = """SELECT current_setting('synchronous_standby_names'),
    current_setting('synchronous_commit') NOT IN ('off', 'local') AND NOT pg_is_in_recovery(),
    ARRAY(SELECT application_name FROM pg_stat_replication
          WHERE coalesce(state, 'streaming') = 'streaming'),
    (SELECT backend_xid::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'
     ORDER BY age(backend_xid) DESC NULLS LAST LIMIT 1),
    extract(epoch FROM clock_timestamp())::float"""
COUNTED = re.compile(r"\s*(?:(?:FIRST|ANY)\s+)?(\d+)\s*\((.*)\)\s*", re.IGNORECASE | re.DOTALL)
NAME = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')


class Confirmation(NamedTuple):
    """The state of the synchronous standbys at one time.

    A commit needs confirmations from `needed` standbys (0: from none), and `connected` is the
    number of these standbys that are connected. `waiting` is the id of this role's oldest
    transaction that waits for a standby, or None. `now` is the server's time in seconds since 1970.
    """

    needed: int
    connected: int
    waiting: str | None
    now: float


def confirmation(found: psycopg.Connection[Any]) -> Confirmation:
    """Returns the state of the synchronous standbys. Sends one SQL statement, which does not wait
    for a standby.
    """
    [(setting, waits, connected, waiting, now)] = found.execute(CONFIRMATION).fetchall()
    needed, names = names_in(setting) if waits else (0, frozenset[str]())
    return Confirmation(needed, _how_many(names, connected), waiting, now)


def problem_with_confirmation(found: psycopg.Connection[Any]) -> str | None:
    """Returns a message if commits wait but no standby confirms them. Otherwise returns None."""
    needed, connected, *_ = confirmation(found)
    if connected >= needed:
        return None
    return NOT_CONFIRMED.format(connected=connected, needed=needed)


def names_in(setting: str) -> tuple[int, frozenset[str]]:
    """Parses the value of `synchronous_standby_names`. Returns how many standbys must confirm a
    commit, and the names of the standbys that can confirm it. The names are in lower case. The name
    `*` means every standby.
    """
    counted = COUNTED.fullmatch(setting)
    rest = counted[2] if counted else setting
    names = frozenset(
        (quoted.replace('""', '"') or plain).lower() for quoted, plain in NAME.findall(rest)
    )
    return (int(counted[1]) if counted else min(1, len(names))), names


def _how_many(names: frozenset[str], connected: Sequence[str]) -> int:
    return sum("*" in names or each.lower() in names for each in connected)
