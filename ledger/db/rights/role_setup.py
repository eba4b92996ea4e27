"""Makes the roles of docs/rights.md on a server of one's own, and the bank's database.

The administrator who does it need not be a superuser: on RDS and Aurora nobody is. What only a
superuser may do is left out there, and told.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError

from ledger.db.rights import kept_from_queries
from ledger.db.rights.grants import LARGE_OBJECTS
from ledger.db.rights.held import memberships
from ledger.db.server.creation import create_database
from ledger.db.server.versions import KNOWS_TRANSACTION_TIMEOUT

COOKBOOK = "ledger_cookbook"
MEMBERSHIP_STAYS = (
    "The role {} is still a member of {}, which it no longer needs, because {} granted it: run"
    " create_roles as a superuser."
)
EXPLORER_OPTIONS = "LOGIN NOINHERIT CONNECTION LIMIT 20"
# What only a superuser may change, so that a query cannot. Queries do not see what others of the
# role run, fill no disk with temporary files, count no rows that they pass over, and leave no error
# in the server's log, which would repeat values of rows at any length.
EXPLORER_SETTINGS = {
    "track_activities": "off",
    "temp_file_limit": "256MB",
    "track_counts": "off",
    "log_min_messages": "panic",
}
IAM = "rds_iam"  # whoever is a member signs in to RDS and Aurora by a token alone
NO_IAM = f"this server has no role {IAM}, so it takes no tokens of IAM"
STATISTICS_STAY = (
    "The page Database will not tell since when sessions of other roles run: only a superuser, or"
    " who has it with ADMIN OPTION, can GRANT pg_read_all_stats TO {}."
)
ACTIVITY_STAYS = "Sessions of {} see what others of it run: only a superuser can hide it."
EXPLORER_STAYS = (
    "The role {} has no {}, which keep queries of the explorer from data of others: only a"
    " superuser can set that (docs/rights.md#on-your-own-server)."
)
UNKEYED = (
    "New roles have no password: {}. Give one to each that signs in by it (\\password {} in psql)."
    " None is needed by peer, a certificate or tokens."
)
FUNCTIONS_STAY = (
    "Queries of the explorer may end those of colleagues, write messages into the WAL, change"
    " settings of their session, take all locks of the server, and learn from its statistics who is"
    " a customer: only a superuser can change that."
)
LARGE_OBJECTS_STAY = "Everybody may still make large objects: only a superuser can change that."


class NoSuchLogin(Exception):
    """The server cannot let the roles sign in as asked; the message says why."""


@dataclass(frozen=True)
class BankRoles:
    """The names of the roles. `rows` owns the views of row-level security and cannot sign in."""

    owner: str
    web: str
    worker: str
    auditor: str
    explorer: str

    @property
    def rows(self) -> str:
        return f"{self.web}_rows"

    @property
    def booking(self) -> tuple[str, ...]:
        """The roles that book payments."""
        return self.owner, self.web, self.worker

    @property
    def logins(self) -> tuple[str, ...]:
        return *self.booking, self.auditor, self.explorer


def set_up(
    connection: Any, roles: BankRoles, *, timeouts: Mapping[str, float], iam: bool
) -> Iterator[str]:
    """Makes what is missing and yields a line for each thing that it did. `timeouts` are the
    limits of the web role, in seconds; 0 sets none. With `iam` the roles sign in by tokens alone.

    Raises NoSuchLogin before it changes anything.
    """
    name = connection.settings_dict["NAME"]
    with connection._nodb_cursor() as cursor:
        known = _column(cursor, "SELECT rolname FROM pg_roles")
        if iam and IAM not in known:
            raise NoSuchLogin(NO_IAM)
        yield from _make(cursor, connection.ops.quote_name, roles, known, iam=iam)
        new = [role for role in roles.logins if role not in known]
        yield from _let_owner_see_sessions(cursor, connection.ops.quote_name(roles.owner))
        yield from _limit(cursor, connection.ops.quote_name(roles.web), timeouts)
        yield from _hide_what_runs(cursor, connection.ops.quote_name(roles.worker))
        yield from _limit_explorer(cursor, connection.ops.quote_name(roles.explorer))
        is_there = name in _column(cursor, "SELECT datname FROM pg_database")
    if not is_there:
        create_database(connection, name, roles.owner)
        yield f"Created the database {name} of {roles.owner}."
    with connection.cursor() as cursor:
        yield from _end_membership(cursor, roles.owner, roles.worker)
        if connection.settings_dict["USER"] not in roles.logins:
            yield from _take_large_objects(cursor)
            yield from _take_functions(cursor, roles)
    if new and not iam:
        yield UNKEYED.format(", ".join(new), new[0])


def _make(
    cursor: Any, quote: Any, roles: BankRoles, known: set[str], *, iam: bool
) -> Iterator[str]:
    for role in (*roles.logins, roles.rows):
        if role not in known:
            options = {roles.rows: "NOLOGIN", roles.explorer: EXPLORER_OPTIONS}.get(role, "LOGIN")
            cursor.execute(f"CREATE ROLE {quote(role)} {options}")
            yield f"Created the role {role}."
    if iam:
        for role in roles.logins:
            cursor.execute(f"GRANT {IAM} TO {quote(role)}")
    cursor.execute(f"GRANT {quote(roles.rows)} TO {quote(roles.owner)}")
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone() == (False,):  # who is none gives a database only to a role it belongs to
        cursor.execute(f"GRANT {quote(roles.owner)} TO CURRENT_USER")


def _end_membership(cursor: Any, owner: str, worker: str) -> Iterator[str]:
    """Takes from the worker its membership in the owner, which triggers of older checkouts asked
    for: on Postgres 15 every member can become the owner.
    """
    for _grantor, revoke in memberships(cursor, owner=owner, worker=worker):
        with suppress(DatabaseError):
            cursor.execute(revoke)
    for grantor, _revoke in memberships(cursor, owner=owner, worker=worker):
        yield MEMBERSHIP_STAYS.format(worker, owner, grantor)


def _let_owner_see_sessions(cursor: Any, owner: str) -> Iterator[str]:
    """For `session_states()`, which leaves out what they run."""
    try:
        cursor.execute(f"GRANT {kept_from_queries.STATISTICS} TO {owner}")
    except DatabaseError:
        yield STATISTICS_STAY.format(owner)


def _limit(cursor: Any, web: str, timeouts: Mapping[str, float]) -> Iterator[str]:
    """Gives the web role its limits of time, which a pooler would drop, and hides what it runs."""
    for setting, seconds in timeouts.items():
        too_old = cursor.connection.info.server_version < KNOWS_TRANSACTION_TIMEOUT
        if seconds and not (setting == "transaction_timeout" and too_old):
            cursor.execute(f"ALTER ROLE {web} SET {setting} = '{int(seconds * 1000)}ms'")
    yield from _hide_what_runs(cursor, web)


def _hide_what_runs(cursor: Any, role: str) -> Iterator[str]:
    try:
        cursor.execute(f"ALTER ROLE {role} SET track_activities = off")
    except DatabaseError:
        yield ACTIVITY_STAYS.format(role)


def _limit_explorer(cursor: Any, explorer: str) -> Iterator[str]:
    """Gives the explorer's role each setting that this administrator may give."""
    left = []
    for name, value in EXPLORER_SETTINGS.items():
        try:
            cursor.execute(f"ALTER ROLE {explorer} SET {name} = '{value}'")
        except DatabaseError:
            left.append(f"{name} = {value}")
    if left:
        yield EXPLORER_STAYS.format(explorer, ", ".join(left))


def _take_large_objects(cursor: Any) -> Iterator[str]:
    def statements() -> list[str]:
        cursor.execute(LARGE_OBJECTS)
        return [revoke for (revoke,) in cursor.fetchall()]

    if not _all_take_effect(cursor, statements):
        yield LARGE_OBJECTS_STAY


def _take_functions(cursor: Any, roles: BankRoles) -> Iterator[str]:
    """Takes the functions of `kept_from_queries` from the explorer."""
    others = [roles.auditor, roles.rows, COOKBOOK]
    statements = partial(kept_from_queries.statements, cursor, [*roles.booking], others)
    if not _all_take_effect(cursor, statements):
        yield FUNCTIONS_STAY


def _all_take_effect(cursor: Any, statements: Callable[[], list[str]]) -> bool:
    """Runs the statements. Returns whether none is left afterwards: a REVOKE of a right that
    another role granted is a warning and no error.
    """
    with suppress(DatabaseError):
        for statement in statements():
            cursor.execute(statement)
    return not statements()


def _column(cursor: Any, sql: str) -> set[str]:
    cursor.execute(sql)
    return {name for (name,) in cursor.fetchall()}
