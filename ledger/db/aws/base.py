"""Ledger's database backend with the connections of AWS's driver.

SQL statements of Django and of prepared cursors run through the plugins of the driver. The backend
sends its own statements (settings, cleaning, health checks) directly with psycopg, so that no
plugin can change the server between two of these statements.

Note [After a failover]: the driver connects to another server and raises an error. The new session
does not have the time zone, limits and role that Ledger sets. Therefore the backend closes the
connection. The next connection is prepared as usual and uses the server that accepts writes.
"""

from contextlib import suppress
from typing import Any

from django.db import Error
from django.utils.functional import cached_property

from ledger.db.aws import driver
from ledger.db.aws.errors import DriverError, FailoverError, Moment, as_psycopg
from ledger.db.backend import base
from ledger.db.server.credentials import raised_as_no_login

# The key in OPTIONS for a database alias that reads from the servers that read/write splitting
# chooses.
READ_ONLY = "read_only"


class TranslatedErrors(base.PlacedErrors):
    """Ledger's error wrapper for connections of AWS's driver. First converts the driver's errors to
    psycopg errors.
    """

    wrapper: "DatabaseWrapper"

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, DriverError):
            error = self.wrapper.translated(error)
            kind = type(error)
        super().__exit__(kind, error, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    @cached_property
    def wrap_database_errors(self) -> TranslatedErrors:
        return TranslatedErrors(self)

    def translated(self, error: DriverError) -> Exception:
        """Returns the psycopg error for an error of the driver. After a failover, this method also
        closes the connection.
        """
        if self.connection is None:
            return as_psycopg(error, Moment.CONNECTING)
        moment = Moment.IN_TRANSACTION if self.in_atomic_block else Moment.COMMITTING
        if isinstance(error, FailoverError):
            self._demotion.refused_write = True  # a pool then does not get the connection back
            with suppress(Error, DriverError):
                self.close()
        return as_psycopg(error, moment)

    def open_within(self, seconds: int) -> Any:
        """Opens a connection like the base class. `seconds` is the time limit for the connection to
        each host, and for the driver's search for a writer.
        """
        with driver.within(seconds):
            return super().open_within(seconds)

    def _opened(self, conninfo: str, parameters: dict[str, Any]) -> Any:
        options = self.settings_dict["LEDGER_DRIVER"]
        if self.only_reads:
            options = {**options, "failover_mode": "reader_or_writer"}
        with raised_as_no_login("AWS's driver gets no login"):
            found = driver.connect(conninfo, parameters, options, writes=not self.only_reads)
        if level := self.settings_dict["OPTIONS"].get("isolation_level"):
            found.target_connection.isolation_level = level
        if self.only_reads:
            self._read_from_reader(found)
        return found

    def _read_from_reader(self, found: Any) -> None:
        """Switches the connection to a reader if the plugin for read/write splitting is loaded."""
        try:
            found.read_only = True
        except DriverError as error:
            raise as_psycopg(error, Moment.CONNECTING) from error

    @property
    def only_reads(self) -> bool:
        return bool(self.settings_dict["OPTIONS"].get(READ_ONLY))

    def get_connection_params(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in super().get_connection_params().items()
            if name != READ_ONLY
        }

    @property
    def required_options(self) -> dict[str, Any]:
        return {"target_session_attrs": "any" if self.only_reads else "read-write"}

    def target(self, connection: Any) -> Any:
        return getattr(connection, "target_connection", connection)

    def create_cursor(self, name: str | None = None) -> Any:
        through, self.connection = self.connection, self.raw
        try:
            cursor = super().create_cursor(name)
        finally:
            self.connection = through
        return self.watched(cursor)

    def watched(self, cursor: Any) -> Any:
        return driver.watched(self.connection, cursor)
