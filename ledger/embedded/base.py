"""The database backend for the embedded server. The first connection starts the server.

If the settings of a database contain `LEDGER_EMBEDDED: True`, the backend sets the host, port and
user of the database when it connects. The user depends on `LEDGER_ROLE`.
"""

from collections.abc import Iterable
from typing import Any

import psycopg
from django.db import OperationalError

from ledger.db.backend import base, client
from ledger.db.server.embedded import EmbeddedServerError, programs
from ledger.embedded.instance import default_server
from ledger.embedded.roles import LOGINS, OWNER


class WheelClient(client.DatabaseClient):
    """The client for `manage.py dbshell`. The client uses psql from the wheel."""

    def runshell(self, parameters: Iterable[str]) -> None:
        database: Any = self.connection
        if database.is_embedded:
            database.fill_in_address()
        super().runshell(parameters)

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        if settings_dict.get("LEDGER_EMBEDDED"):
            arguments[0] = str(programs() / "psql")
        return arguments, environment


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = WheelClient

    @property
    def embedded_server(self) -> Any:
        return default_server()

    @property
    def is_embedded(self) -> bool:
        """Whether the connection goes directly to the embedded server. In tests, a connection can
        also go through a pooler.
        """
        return bool(self.settings_dict.get("LEDGER_EMBEDDED"))

    def get_connection_params(self) -> dict[str, Any]:
        if self.is_embedded and not self.settings_dict["HOST"]:
            self.fill_in_address()
        return super().get_connection_params()

    def fill_in_address(self) -> None:
        """Starts the server if it is not running, and writes its address into the settings of this
        connection.
        """
        try:
            info = default_server().ensure_started()
        except EmbeddedServerError as err:
            raise OperationalError(str(err)) from err
        user = LOGINS.get(self.settings_dict.get("LEDGER_ROLE", ""), OWNER)
        self.settings_dict.update(HOST=info.host, PORT=info.port, USER=user)
        if "," in info.host:  # a primary and its standby
            self.settings_dict["OPTIONS"].setdefault("target_session_attrs", "read-write")

    def _opened(self, conninfo: str, parameters: dict[str, Any]) -> Any:
        try:
            return super()._opened(conninfo, parameters)
        except psycopg.OperationalError:
            # The server was stopped, or was restarted with another socket. The server is started,
            # and its address is read again.
            if not self.is_embedded or default_server().is_running():
                raise
        self.fill_in_address()
        there = {name: self.settings_dict[name.upper()] for name in ("host", "port", "user")}
        return super()._opened(conninfo, parameters | there)
