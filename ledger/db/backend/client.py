"""The client for `manage.py dbshell`. If AWS issues the logins, the client uses a temporary
login.
"""

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.postgresql import client

from ledger.db.server import secret_options

SIGNAL_EXIT_BASE = 128  # shells add this to the number of the signal that ended a program
# This key of the settings contains the secrets for psql while psql is running.
SECRETS_KEY = "LEDGER_SECRETS"


class DatabaseClient(client.DatabaseClient):
    def runshell(self, parameters: Iterable[str]) -> None:
        database: Any = self.connection
        if login := database.login_for_programs():
            database.settings_dict.update(login)
            database.close()
        try:
            with secret_options.in_file(database.settings_dict["OPTIONS"]) as secrets:
                database.settings_dict[SECRETS_KEY] = secrets
                super().runshell(parameters)
        except secret_options.SecretRefused as refusal:
            raise CommandError(str(refusal)) from None
        except subprocess.CalledProcessError as error:  # psql has printed the reason
            sys.exit(
                error.returncode if error.returncode > 0 else SIGNAL_EXIT_BASE - error.returncode
            )
        finally:
            database.settings_dict.pop(SECRETS_KEY, None)

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        attributes = settings_dict["OPTIONS"].get("target_session_attrs")
        if attributes:
            environment = {**(environment or {}), "PGTARGETSESSIONATTRS": attributes}
        return arguments, {**(environment or {}), **settings_dict.get(SECRETS_KEY, {})} or None
