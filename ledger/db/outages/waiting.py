"""Waits with a time limit until database servers are ready."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from ledger.db.outages.probe import problem_with_writes, short_connection, unapplied_migrations
from ledger.db.outages.reasons import Reason, error_of_psycopg, reason_of
from ledger.db.server.credentials import NoCredentials
from ledger.db.server.failed_servers import FailedServer, failed_servers_of, names_of

SECONDS_BETWEEN = 0.5
MAX_CONNECT_SECONDS = 5
# Errors that waiting cannot solve.
PERMANENT = {
    Reason.PASSWORD,
    Reason.NOT_ADMITTED,
    Reason.OS_USER,
    Reason.NO_ROLE,
    Reason.NO_DATABASE,
}
WRONG_CERTIFICATE = ("certificate verify failed", "does not match host name")


class NotInTime(Exception):
    """An error for a server that was not ready within the time limit. The message contains the
    server and the reason.
    """


class NeverReady(Exception):
    """An error for a server that will not become ready, for example because it refuses the login.
    The `__cause__` of this exception is the error of the connection.
    """


@dataclass(frozen=True)
class Wanted:
    """A server to wait for: the server of the database or of a replica."""

    alias: str
    is_migrated: bool = False  # whether the database must have every migration of this code

    @property
    def name(self) -> str:
        """The text for the server in messages: `kind` and the hosts, or "the embedded server"."""
        settings = connections[self.alias].settings_dict
        if settings.get("LEDGER_EMBEDDED"):
            return "the embedded server"
        hosts = (settings["HOST"] or "this computer").split(",")
        return f"{self.kind} on {', '.join(names_of(hosts, settings['PORT']))}"

    @property
    def kind(self) -> str:
        """The text "the database" or "the replica", followed by the name of the database."""
        kind = "the database" if self.alias == DEFAULT_DB_ALIAS else "the replica"
        return f"{kind} {connections[self.alias].settings_dict['NAME']}"


def without_tables() -> str:
    """Returns the error message for a database without the tables of this version. The message
    contains the name of the database, because a command without the site's settings uses the
    database in `.data`.
    """
    where = Wanted(DEFAULT_DB_ALIAS).name
    if connections[DEFAULT_DB_ALIAS].settings_dict.get("LEDGER_EMBEDDED"):
        where += f" of {settings.LEDGER_DATA_DIR}"
    return (
        f"Tables of this version are missing in {where}. Run manage.py migrate first; if you mean"
        " another database, set LEDGER_DATA_DIR or DATABASE_URL."
    )


def wait_for(wanted: Sequence[Wanted], *, seconds: int, report: Callable[[str], object]) -> None:
    """Waits until all servers are ready, one after the other. `seconds` is the time limit for all
    servers together.

    Calls `report` with a message at the start of a wait, when the reason changes, and when a server
    is ready. Raises NotInTime or NeverReady.
    """
    begun = time.monotonic()
    for each in wanted:
        last = ""
        while reason := _reason_to_wait(each, begun + seconds - time.monotonic()):
            left = begun + seconds - time.monotonic()
            if left <= 0:
                raise NotInTime(f"Not ready after {seconds} s: {each.name}: {reason}.")
            if reason != last:
                report(f"Waiting at most {ceil(left)} s for {each.name}: {reason}.")
                last = reason
            time.sleep(min(SECONDS_BETWEEN, left))
        report(f"Ready after {time.monotonic() - begun:.1f} s: {each.name}.")


def _reason_to_wait(wanted: Wanted, left: float) -> str:
    """Returns the reason why the server is not ready, or "" if the server is ready. `left` is the
    remaining time in seconds.
    """
    try:
        seconds = max(1, min(MAX_CONNECT_SECONDS, int(left)))
        with short_connection(seconds, wanted.alias) as found:
            return _missing(wanted, found)
    except OperationalError as error:
        if _is_permanent(error):
            raise NeverReady(str(error)) from error
        return str(error).partition("cannot be reached: ")[2].rstrip(".") or str(error)


def _missing(wanted: Wanted, found: psycopg.Connection) -> str:
    if wanted.alias == DEFAULT_DB_ALIAS and problem_with_writes(found):
        return "it takes no writes: it is a standby, or was set read-only"
    missing = unapplied_migrations(found) if wanted.is_migrated else []
    if missing:
        return f"migrations are not applied ({len(missing)}), the first is {missing[0]}"
    return ""


def _is_permanent(error: OperationalError) -> bool:
    """Returns whether waiting cannot help, for one of these reasons:

    - A server refuses this login or has no database with this name.
    - The certificate of a server does not pass the check.
    - This process has no credentials of AWS.
    """
    cause = error_of_psycopg(error)
    failed = failed_servers_of(cause) if cause else ()
    return isinstance(cause, NoCredentials) or any(
        reason_of(each) in PERMANENT or _is_certificate(each) for each in failed
    )


def _is_certificate(failed: FailedServer) -> bool:
    text = str(failed.error)
    return any(words in text for words in WRONG_CERTIFICATE)
