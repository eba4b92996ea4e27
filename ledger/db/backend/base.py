"""Connections that start the embedded server first.

A database with `LEDGER_EMBEDDED: True` in its settings gets host, port and user (by
`LEDGER_ROLE`) when it connects; any other is plain django.db.backends.postgresql.
`LEDGER_TIMEOUTS` maps Postgres's settings to seconds; they are sent with each new connection.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from django.db import OperationalError
from django.db.backends.postgresql import base
from django.utils.asyncio import async_unsafe

from ledger.db import embedded
from ledger.db.backend.client import DatabaseClient


class DatabaseWrapper(base.DatabaseWrapper):
    client_class = DatabaseClient
    # If set, it is called with BEGIN, COMMIT or ROLLBACK and a function that sends it. Django sends
    # these without a cursor, so that `execute_wrapper` does not see them.
    transaction_wrapper: Callable[[str, Callable[[], None]], None] | None = None

    def _set_autocommit(self, autocommit: bool) -> None:
        send = partial(super()._set_autocommit, autocommit)  # type: ignore[misc]
        if autocommit:  # after a transaction: nothing is sent
            send()
        else:
            self._send("BEGIN", send)

    def _commit(self) -> None:
        self._send("COMMIT", super()._commit)  # type: ignore[misc]

    def _rollback(self) -> None:
        self._send("ROLLBACK", super()._rollback)  # type: ignore[misc]

    def _send(self, command: str, send: Callable[[], None]) -> None:
        if self.transaction_wrapper:
            self.transaction_wrapper(command, send)
        else:
            send()

    @property
    def is_embedded(self) -> bool:
        return bool(self.settings_dict.get("LEDGER_EMBEDDED"))

    def fill_in_embedded(self) -> None:
        """Start the server if needed, and write its address into this connection's settings."""
        try:
            info = embedded.ensure_started()
        except embedded.EmbeddedServerError as err:
            raise OperationalError(str(err)) from err
        role = self.settings_dict.get("LEDGER_ROLE", "owner")
        user = info.web_user if role == "web" else info.user
        self.settings_dict.update(HOST=info.host, PORT=info.port, USER=user)

    def get_connection_params(self) -> dict[str, Any]:
        if self.is_embedded and not self.settings_dict["HOST"]:
            self.fill_in_embedded()
        parameters = super().get_connection_params()
        timeouts = self.settings_dict.get("LEDGER_TIMEOUTS", {})
        if options := " ".join(f"-c {name}={value}s" for name, value in timeouts.items() if value):
            parameters["options"] = f"{parameters.get('options', '')} {options}".strip()
        return parameters

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError:
            # It was stopped, or restarted with another socket: start it and read its address again.
            if not self.is_embedded or embedded.is_running():
                raise
            self.fill_in_embedded()
            there = {name: self.settings_dict[name.upper()] for name in ("host", "port", "user")}
            return super().get_new_connection(conn_params | there)
