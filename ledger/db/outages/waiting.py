"""Waits with a time limit until database servers are ready."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from ledger.db.outages.probe import problem_with_writes, short_connection, unapplied_migrations
from ledger.db.outages.reasons import for_people
from ledger.db.server.failed_servers import names_of

SECONDS_BETWEEN = 0.5
MAX_CONNECT_SECONDS = 5
# SQLSTATEs of errors that waiting cannot solve. Class 28 means that the login was refused.
NO_SUCH_DATABASE, REFUSED_LOGIN = "3D000", "28"


class NotInTime(Exception):
    """An error for a server that was not ready within the time limit. The message contains the
    server and the reason.
    """


class NeverReady(Exception):
    """An error for a server that will not become ready, for example because it refuses the login.
    The message contains the reason.
    """


@dataclass(frozen=True)
class Wanted:
    """A server to wait for: the server of the database or of a replica."""

    alias: str
    is_migrated: bool = False  # whether the database must have every migration of this code

    @property
    def name(self) -> str:
        """The name of the database or replica, with its hosts."""
        settings = connections[self.alias].settings_dict
        if settings.get("LEDGER_EMBEDDED"):
            return "the embedded server"
        hosts = (settings["HOST"] or "this computer").split(",")
        return f"{self.kind} on {', '.join(names_of(hosts, settings['PORT']))}"

    @property
    def kind(self) -> str:
        """The kind ("the database" or "the replica") and the name of the database."""
        kind = "the database" if self.alias == DEFAULT_DB_ALIAS else "the replica"
        return f"{kind} {connections[self.alias].settings_dict['NAME']}"

    def name_with_reasons(self, error: OperationalError) -> str:
        """Returns the name of the server. If there are several hosts, adds the reason of `error`
        for each host.
        """
        hosts = connections[self.alias].settings_dict["HOST"] or ""
        return f"{self.kind}: {for_people(error)}" if "," in hosts else self.name


def without_tables() -> str:
    """Returns the error message for a database without the tables of this version. The message
    contains the database, because without the site's settings a command uses the database in
    `.data`.
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
        _refuse_permanent_errors(wanted, error)
        return str(error).partition("cannot be reached: ")[2].rstrip(".") or str(error)


def _missing(wanted: Wanted, found: psycopg.Connection) -> str:
    if wanted.alias == DEFAULT_DB_ALIAS and problem_with_writes(found):
        return "it takes no writes: it is a standby, or was set read-only"
    missing = unapplied_migrations(found) if wanted.is_migrated else []
    if missing:
        return f"migrations are not applied ({len(missing)}), the first is {missing[0]}"
    return ""


def _refuse_permanent_errors(wanted: Wanted, error: OperationalError) -> None:
    """Raises NeverReady if the server answers and refuses this login, or has no database with this
    name.
    """
    cause: Any = error.__cause__
    text = str(cause)
    code = getattr(cause, "sqlstate", None) or _code_in(text)
    if code == NO_SUCH_DATABASE:
        raise NeverReady(
            f"The server answers, but there is no such database:"
            f" {wanted.name_with_reasons(error)}; manage.py createdb creates it."
        ) from error
    if code.startswith(REFUSED_LOGIN):
        raise NeverReady(
            f"The server answers, but refuses the login: {wanted.name_with_reasons(error)}."
        ) from error


def _code_in(text: str) -> str:
    """Returns the SQLSTATE that the text of a connection error means, or "". psycopg provides only
    the text.
    """
    if 'database "' in text and "does not exist" in text:
        return NO_SUCH_DATABASE
    refused = ("password authentication failed", "no password supplied", "no pg_hba.conf entry")
    role = 'role "' in text and ("does not exist" in text or "not permitted to log in" in text)
    return REFUSED_LOGIN if role or any(each in text for each in refused) else ""
