"""Writes the output of a command as log records if LOG_FORMAT is json and the command does not run
in a terminal.
"""

import io
import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from django.conf import settings
from django.core.management.base import BaseCommand

logger = logging.getLogger("ledger.output")
# Commands of Django with which a person runs code and then reads its traceback.
BY_HAND = frozenset({"dbshell", "shell", "test", "testserver"})
# The beginnings of the messages with which Django ends a command.
ERRORS_OF_DJANGO = ("CommandError: ", "SystemCheckError: ")
_here = threading.local()


class Lines(io.TextIOBase):
    """A stream that writes each line to the logger `ledger.output`.

    `reason` is the message that Django prints for a CommandError, on one line. If there is no such
    message, `reason` is the last line.
    """

    def __init__(self) -> None:
        self._rest = self.reason = ""

    def write(self, text: str) -> int:
        if text.startswith(ERRORS_OF_DJANGO):
            self.reason = _on_one_line(text)
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            self._log(line)
        return len(text)

    def flush(self) -> None:
        """Does nothing, because commands also call `flush` in the middle of a line. The beginning
        of the line is kept until the rest of the line is written.
        """

    def finish(self) -> None:
        """Logs the last line if it does not end with a line break."""
        rest, self._rest = self._rest, ""
        self._log(rest)

    def _log(self, line: str) -> None:
        # If logging fails, the resulting error message must not be logged again.
        if not (line := line.strip()) or getattr(_here, "is_logging", False):
            return
        if not self.reason.startswith(ERRORS_OF_DJANGO):
            self.reason = line
        _here.is_logging = True
        try:
            logger.info("%s", line)
        finally:
            _here.is_logging = False


def _on_one_line(message: str) -> str:
    """Returns the message on one line, without its lines with an "@". The log would otherwise
    withhold the whole message, because it could contain an address or a password.
    """
    lines = ("(withheld)" if "@" in line else line for line in message.splitlines())
    return " ".join(" ".join(lines).split())


@contextmanager
def as_records() -> Iterator[None]:
    """Converts everything that is printed inside the block, and the message of a SystemExit, to log
    records. The handlers of the log still write to the original streams of the process.
    """
    out, err = Lines(), Lines()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            yield
    except SystemExit as end:
        if isinstance(end.code, str):
            err.write(f"{end.code}\n")
            err.reason = _on_one_line(end.code)
        if end.code:
            err.finish()
            why = err.reason.removeprefix("CommandError: ")
            logger.error("The command failed. %s", why)  # noqa: TRY400  not a bug in the code
        raise SystemExit(1 if isinstance(end.code, str) else end.code) from None
    finally:
        out.finish()
        err.finish()


def is_recorded(command: BaseCommand, arguments: Sequence[str]) -> bool:
    """Returns whether the output of the command with these arguments is written to the log. This
    needs a class with `runs_unattended = True`: the command usually runs without a person and
    prints messages about its work. The output of other commands is for a person or for another
    program. Output in a terminal, and the output of --json and --help, is never written to the log.
    """
    wants_data = not {"--json", "--help", "-h"}.isdisjoint(arguments)
    return getattr(command, "runs_unattended", False) and not wants_data and not is_watched()


def is_for_the_log() -> bool:
    """Returns whether the output of this process is written to a log. Such output must not contain
    values of rows.
    """
    return settings.LOG_FORMAT == "json" and not is_watched()


def is_for_developer(arguments: Sequence[str]) -> bool:
    """Returns whether a developer reads the traceback if `manage.py` with these arguments fails.
    Such a traceback is not a record of the log, so it contains the messages of exceptions.
    """
    is_by_hand = settings.DEBUG or (arguments[0] if arguments else "") in BY_HAND
    return is_watched() or (is_by_hand and settings.LOG_FORMAT != "json")


def is_watched() -> bool:
    """Returns whether standard error is a terminal, so that a person can see the output."""
    return sys.stderr is not None and sys.stderr.isatty()
