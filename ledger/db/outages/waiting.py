"""Waits, with a limit, until database servers can be used."""

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
MOST_TO_CONNECT = 5
# SQLSTATEs that waiting does not mend, and what does. The class 28 is a login that is refused.
NO_SUCH_DATABASE, REFUSED_LOGIN = "3D000", "28"


class NotInTime(Exception):
    """The time is over; the message says for which server and why."""


class NeverReady(Exception):
    """Waiting does not help; the message says why."""


@dataclass(frozen=True)
class Wanted:
    """One server to wait for."""

    alias: str
    is_migrated: bool = False  # whether it has to have every migration of this code

    @property
    def name(self) -> str:
        """Where it is, without its login."""
        settings = connections[self.alias].settings_dict
        if settings.get("LEDGER_EMBEDDED"):
            return "the embedded server"
        hosts = (settings["HOST"] or "this computer").split(",")
        return f"{self.kind} on {', '.join(names_of(hosts, settings['PORT']))}"

    @property
    def kind(self) -> str:
        """What it is, without where."""
        kind = "the database" if self.alias == DEFAULT_DB_ALIAS else "the replica"
        return f"{kind} {connections[self.alias].settings_dict['NAME']}"

    def name_with_reasons(self, error: OperationalError) -> str:
        """The name; of several hosts each with what went wrong there."""
        hosts = connections[self.alias].settings_dict["HOST"] or ""
        return f"{self.kind}: {for_people(error)}" if "," in hosts else self.name


def without_tables() -> str:
    """The sentence for a database without tables of this code. It names the database, because a
    command in another terminal uses that of `.data` where it lacks the settings of the site.
    """
    where = Wanted(DEFAULT_DB_ALIAS).name
    if connections[DEFAULT_DB_ALIAS].settings_dict.get("LEDGER_EMBEDDED"):
        where += f" of {settings.LEDGER_DATA_DIR}"
    return (
        f"Tables of this version are missing in {where}. Run manage.py migrate first; if you mean"
        " another database, set LEDGER_DATA_DIR or DATABASE_URL."
    )


def wait_for(wanted: Sequence[Wanted], *, seconds: int, tell: Callable[[str], object]) -> None:
    """Waits for each, one after the other, `seconds` in all.

    Calls `tell` with a sentence when it begins to wait, when the reason changes, and when a server
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
                tell(f"Waiting {ceil(left)} s at most for {each.name}: {reason}.")
                last = reason
            time.sleep(min(SECONDS_BETWEEN, left))
        tell(f"Ready after {time.monotonic() - begun:.1f} s: {each.name}.")


def _reason_to_wait(wanted: Wanted, left: float) -> str:
    """Why it is not ready; "" if it is."""
    try:
        seconds = max(1, min(MOST_TO_CONNECT, int(left)))
        with short_connection(seconds, wanted.alias) as found:
            return _what_lacks(wanted, found)
    except OperationalError as error:
        _refuse_what_stays(wanted, error)
        return str(error).partition("cannot be reached: ")[2].rstrip(".") or str(error)


def _what_lacks(wanted: Wanted, found: psycopg.Connection) -> str:
    if wanted.alias == DEFAULT_DB_ALIAS and problem_with_writes(found):
        return "it takes no writes: it is a standby, or was set read-only"
    missing = unapplied_migrations(found) if wanted.is_migrated else []
    if missing:
        return f"migrations are not applied ({len(missing)}), the first is {missing[0]}"
    return ""


def _refuse_what_stays(wanted: Wanted, error: OperationalError) -> None:
    """Raises NeverReady if the server answers, but will never let us in."""
    cause: Any = error.__cause__
    text = str(cause)
    code = getattr(cause, "sqlstate", None) or _code_in(text)
    if code == NO_SUCH_DATABASE:
        raise NeverReady(
            f"The server answers, but there is no such database:"
            f" {wanted.name_with_reasons(error)}; manage.py createdb makes it."
        ) from error
    if code.startswith(REFUSED_LOGIN):
        raise NeverReady(
            f"The server answers, but refuses the login: {wanted.name_with_reasons(error)}."
        ) from error


def _code_in(text: str) -> str:
    """The SQLSTATE of an error while connecting, for which psycopg has only the text."""
    if 'database "' in text and "does not exist" in text:
        return NO_SUCH_DATABASE
    refused = ("password authentication failed", "no password supplied", "no pg_hba.conf entry")
    role = 'role "' in text and ("does not exist" in text or "not permitted to log in" in text)
    return REFUSED_LOGIN if role or any(each in text for each in refused) else ""
