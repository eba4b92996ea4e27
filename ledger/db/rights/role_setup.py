"""Creates the roles of docs/rights.md and the bank's database on a server that the bank manages.

The administrator does not need to be a superuser, because RDS and Aurora have no superusers. Steps
that need a superuser are skipped and reported.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import DatabaseError

from ledger.db.rights import kept_from_queries
from ledger.db.rights.grants import LARGE_OBJECTS
from ledger.db.rights.held import memberships
from ledger.db.server.creation import create_database
from ledger.db.server.versions import HAS_TRANSACTION_TIMEOUT

COOKBOOK = "ledger_cookbook"
MEMBERSHIP_STAYS = (
    "The role {} is still a member of {}, which it no longer needs, because {} granted it. Run"
    " create_roles as a superuser."
)
EXPLORER_OPTIONS = "LOGIN NOINHERIT CONNECTION LIMIT 20"
# Settings that only a superuser can change. With these settings, queries cannot see the SQL
# statements of other sessions of the role, fill the disk with temporary files, or count skipped
# rows. The errors of queries are not logged, because an error can contain long values of rows.
EXPLORER_SETTINGS = {
    "track_activities": "off",
    "temp_file_limit": "256MB",
    "track_counts": "off",
    "log_min_messages": "panic",
}
IAM = "rds_iam"  # members of this role sign in to RDS and Aurora only with a token
NO_IAM = f"this server has no role {IAM}, so it does not accept IAM tokens"
STATISTICS_STAY = (
    "The page Database will not show since when sessions of other roles have been running: only a"
    " superuser, or a role that has it WITH ADMIN OPTION, can GRANT pg_read_all_stats TO {}."
)
ACTIVITY_STAYS = "Sessions of {} see what others of its role run. Only a superuser can hide this."
EXPLORER_STAYS = (
    "The role {} has no {}, which hide the data of other people from queries of the explorer: only"
    " a superuser can set that (docs/rights.md#on-your-own-server)."
)
UNKEYED = (
    "New roles have no password: {}. Set one for each role that needs it (\\password {} in psql)."
    " Sign-in by peer, certificate or token needs no password."
)
FUNCTIONS_STAY = (
    "Queries of the explorer can end queries of other users, write messages into the WAL, remove"
    " their limits, fill the server's table of locks, and read statistics that show who is a"
    " customer. Only a superuser can prevent this."
)
DATABASE_OWNER = "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = %s"
OTHER_OWNER = (
    "The database {name} belongs to {found}, but must belong to {owner}. First run, as {found} or a"
    " superuser: ALTER DATABASE {name} OWNER TO {owner}"
)
LARGE_OBJECTS_STAY = "All roles can still create large objects. Only a superuser can change that."


class NoSuchLogin(Exception):
    """An error for roles that cannot sign in to this server in the requested way. The message
    contains the reason.
    """


@dataclass(frozen=True)
class BankRoles:
    """The names of the bank's roles. The role `rows` owns the views of row-level security and
    cannot sign in.
    """

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
        """The roles that can book payments."""
        return self.owner, self.web, self.worker

    @property
    def logins(self) -> tuple[str, ...]:
        return *self.booking, self.auditor, self.explorer


def set_up(
    connection: Any, roles: BankRoles, *, timeouts: Mapping[str, float], iam: bool
) -> Iterator[str]:
    """Creates missing roles, settings and the database. Yields a message for each role or database
    that was created, and for each step that this login cannot do. `timeouts` contains the time
    limits of the web role in seconds (0: no limit). If `iam` is true, the roles sign in only with
    tokens.

    Raises NoSuchLogin before any change.
    """
    name = connection.settings_dict["NAME"]
    with connection._nodb_cursor() as cursor:
        known = _column(cursor, "SELECT rolname FROM pg_roles")
        if iam and IAM not in known:
            raise NoSuchLogin(NO_IAM)
        yield from _make(cursor, connection.ops.quote_name, roles, known, iam=iam)
        new = [role for role in roles.logins if role not in known]
        yield from _grant_session_statistics(cursor, connection.ops.quote_name(roles.owner))
        yield from _limit(cursor, connection.ops.quote_name(roles.web), timeouts)
        yield from _hide_activity(cursor, connection.ops.quote_name(roles.worker))
        yield from _limit_explorer(cursor, connection.ops.quote_name(roles.explorer))
        owners = _column(cursor, DATABASE_OWNER, [name])
    if not owners:
        create_database(connection, name, roles.owner)
        yield f"Created the database {name} of {roles.owner}."
    with connection.cursor() as cursor:
        yield from _end_membership(cursor, roles.owner, roles.worker)
        if connection.settings_dict["USER"] not in roles.logins:
            yield from _revoke_large_objects(cursor)
            yield from _revoke_functions(cursor, roles)
    if new and not iam:
        yield UNKEYED.format(", ".join(new), new[0])
    for found in owners - {roles.owner}:
        yield OTHER_OWNER.format(name=name, found=found, owner=roles.owner)


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
    # A login that is not a superuser can create a database only for a role of which it is a member.
    if cursor.fetchone() == (False,):
        cursor.execute(f"GRANT {quote(roles.owner)} TO CURRENT_USER")


def _end_membership(cursor: Any, owner: str, worker: str) -> Iterator[str]:
    """Ends the worker's membership in the owner role, which triggers of older versions needed. The
    membership is a risk, because on Postgres 15 every member can become the owner. Yields a message
    for each membership that stays.
    """
    for _grantor, revoke in memberships(cursor, owner=owner, worker=worker):
        with suppress(DatabaseError):
            cursor.execute(revoke)
    for grantor, _revoke in memberships(cursor, owner=owner, worker=worker):
        yield MEMBERSHIP_STAYS.format(worker, owner, grantor)


def _grant_session_statistics(cursor: Any, owner: str) -> Iterator[str]:
    """Grants the owner role the right to read the statistics that the function `session_states()`
    needs. Yields a message if this login cannot grant the right.
    """
    try:
        cursor.execute(f"GRANT {kept_from_queries.STATISTICS} TO {owner}")
    except DatabaseError:
        yield STATISTICS_STAY.format(owner)


def _limit(cursor: Any, web: str, timeouts: Mapping[str, float]) -> Iterator[str]:
    """Sets the time limits on the web role, because a pooler drops the limits of a connection. Also
    hides the SQL statements of the role's sessions from other sessions. Yields a message for each
    setting that cannot be set.
    """
    for setting, seconds in timeouts.items():
        too_old = cursor.connection.info.server_version < HAS_TRANSACTION_TIMEOUT
        if seconds and not (setting == "transaction_timeout" and too_old):
            cursor.execute(f"ALTER ROLE {web} SET {setting} = '{int(seconds * 1000)}ms'")
    yield from _hide_activity(cursor, web)


def _hide_activity(cursor: Any, role: str) -> Iterator[str]:
    try:
        cursor.execute(f"ALTER ROLE {role} SET track_activities = off")
    except DatabaseError:
        yield ACTIVITY_STAYS.format(role)


def _limit_explorer(cursor: Any, explorer: str) -> Iterator[str]:
    """Sets the limits of the explorer's role. Yields a message with the settings that this
    administrator may not set.
    """
    left = []
    for name, value in EXPLORER_SETTINGS.items():
        try:
            cursor.execute(f"ALTER ROLE {explorer} SET {name} = '{value}'")
        except DatabaseError:
            left.append(f"{name} = {value}")
    if left:
        yield EXPLORER_STAYS.format(explorer, ", ".join(left))


def _revoke_large_objects(cursor: Any) -> Iterator[str]:
    def statements() -> list[str]:
        cursor.execute(LARGE_OBJECTS)
        return [revoke for (revoke,) in cursor.fetchall()]

    if not _all_take_effect(cursor, statements):
        yield LARGE_OBJECTS_STAY


def _revoke_functions(cursor: Any, roles: BankRoles) -> Iterator[str]:
    """Revokes from the explorer's role the functions in `kept_from_queries`. Yields a message if
    this fails.
    """
    others = [roles.auditor, roles.rows, COOKBOOK]
    statements = partial(kept_from_queries.statements, cursor, [*roles.booking], others)
    if not _all_take_effect(cursor, statements):
        yield FUNCTIONS_STAY


def _all_take_effect(cursor: Any, statements: Callable[[], list[str]]) -> bool:
    """Executes the SQL statements that `statements` returns. Then calls `statements` again, and
    returns whether its result is now empty. This check is necessary because Postgres only warns if
    it cannot revoke a right that another role granted.
    """
    with suppress(DatabaseError):
        for statement in statements():
            cursor.execute(statement)
    return not statements()


def _column(cursor: Any, sql: str, values: Sequence[str] = ()) -> set[str]:
    cursor.execute(sql, values)
    return {name for (name,) in cursor.fetchall()}
