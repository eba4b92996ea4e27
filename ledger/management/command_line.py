"""Django's command line with hints for commands of other projects."""

import sys

from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand


class CommandLine(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Returns the command. For a command that exists only in other projects, exits with a hint.
        Django would suggest a different command with a similar name.
        """
        if subcommand not in get_commands():
            from ledger.management.hints import OTHER_COMMANDS

            if hint := OTHER_COMMANDS.get(subcommand):
                sys.exit(f"Unknown command: {subcommand!r}. {hint}")
        return super().fetch_command(subcommand)
