"""Django's command line with hints for commands of other projects."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand

from ledger import env
from ledger.logs import output
from ledger.logs.start import log_start


class CommandLine(ManagementUtility):
    """Django's command line, with a hint for a command that exists only in other projects.

    If `records` is an ExitStack, the output of commands that run unattended is converted to log
    records until the stack is closed.
    """

    def __init__(self, arguments: Sequence[str], records: ExitStack | None = None) -> None:
        super().__init__([*arguments])
        self._records = records

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Returns the command. For a command that exists only in other projects, exits with a hint.
        Django would suggest a different command with a similar name.
        """
        if subcommand not in get_commands():
            from ledger.management.hints import hint_for_unknown

            if hint := hint_for_unknown(subcommand):
                sys.exit(f"Unknown command: {subcommand!r}. {hint}")
        command = super().fetch_command(subcommand)
        line = self.argv[1:]
        if self._records is None or subcommand not in line[:1]:
            return command
        if output.is_recorded(command, line):
            self._records.enter_context(output.as_records())
            log_start(env.unread())
            return type(command)()  # the first instance writes to the old streams
        return command
