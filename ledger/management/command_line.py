"""Django's command line, with a sentence for commands that other projects have."""

import sys

from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand


class CommandLine(ManagementUtility):
    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Django's own. It suggests a name with similar letters, which these commands do not
        resemble.
        """
        if subcommand not in get_commands():
            from ledger.management.hints import ELSEWHERE

            if sentence := ELSEWHERE.get(subcommand):
                sys.exit(f"Unknown command: {subcommand!r}. {sentence}")
        return super().fetch_command(subcommand)
