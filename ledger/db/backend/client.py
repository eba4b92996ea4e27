"""`manage.py dbshell`, with a login of this moment where AWS gives them out."""

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError
from django.db.backends.postgresql import client

from ledger.db.server import secret_options

BY_SIGNAL = 128  # what shells add to the number of the signal that ended a program
OF_SECRETS = "LEDGER_SECRETS"  # where psql finds them, in the settings while it runs


class DatabaseClient(client.DatabaseClient):
    def runshell(self, parameters: Iterable[str]) -> None:
        database: Any = self.connection
        if login := database.login_for_programs():
            database.settings_dict.update(login)
            database.close()
        try:
            with secret_options.in_file(database.settings_dict["OPTIONS"]) as secrets:
                database.settings_dict[OF_SECRETS] = secrets
                super().runshell(parameters)
        except secret_options.SecretRefused as refusal:
            raise CommandError(str(refusal)) from None
        except subprocess.CalledProcessError as error:  # psql has printed why
            sys.exit(error.returncode if error.returncode > 0 else BY_SIGNAL - error.returncode)
        finally:
            database.settings_dict.pop(OF_SECRETS, None)

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        arguments, environment = super().settings_to_cmd_args_env(settings_dict, parameters)
        attributes = settings_dict["OPTIONS"].get("target_session_attrs")
        if attributes:
            environment = {**(environment or {}), "PGTARGETSESSIONATTRS": attributes}
        return arguments, {**(environment or {}), **settings_dict.get(OF_SECRETS, {})} or None
