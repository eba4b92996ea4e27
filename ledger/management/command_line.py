"""Django's command line, with a hint for commands that other projects have."""

import sys

from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand


class CommandLine(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Returns the command; exits with a hint for a command of other projects.

        Django would suggest a command with a similar name, which does not do the same.
        """
        if subcommand not in get_commands():
            from ledger.management.hints import OTHER_COMMANDS

            if hint := OTHER_COMMANDS.get(subcommand):
                sys.exit(f"Unknown command: {subcommand!r}. {hint}")
        return super().fetch_command(subcommand)
