#!/usr/bin/env python3
"""Starts Django's command line for Ledger."""

import atexit
import gc
import getpass
import os
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path

# This file uses only syntax that older Python versions can read, so that they print this message.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("Ledger needs Python 3.11 or newer; this is Python %d.%d." % sys.version_info[:2])  # noqa: UP031


# Objects that a command loads are needed until the command ends. With Python's default thresholds,
# garbage collection would take a quarter of the loading time, and as long again at the exit.
GARBAGE_THRESHOLDS = (100_000, 50, 1000)
# Exit codes of Django's commands, for CommandError and for wrong arguments.
REFUSED, WRONG_LINE = 1, 2


def main() -> None:
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    atexit.register(gc.freeze)
    choose_settings()

    from django.apps import apps

    from ledger.logs import context, output
    from ledger.management.closed_output import ends_without_reader

    if log_format() != "json":
        with ends_without_reader():
            run()
        return
    context.add_process_facts(command=sys.argv[1] if len(sys.argv) > 1 else "help")
    with ExitStack() as records:
        try:
            run(records)
        except SystemExit:
            # Without the apps, it is unknown whether the output of the command is recorded.
            if not apps.ready and not output.is_watched():
                records.enter_context(output.as_records())
            raise


def choose_settings() -> None:
    """Sets DJANGO_SETTINGS_MODULE to the value of `--settings`, and adds `--pythonpath` to the
    import path of this process and of the processes that it starts. This must run before the
    settings are read.
    """
    try:
        from django.core.management.base import (
            CommandError,
            CommandParser,
            handle_default_options,
        )
    except ModuleNotFoundError:
        sys.exit(
            "Django is not installed for this Python. Run make install, and then"
            " .venv/bin/python manage.py."
        )

    parser = CommandParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    try:
        options, _rest = parser.parse_known_args(sys.argv[2:])
        handle_default_options(options)
        if options.pythonpath:  # for the processes that a command starts
            places = [str(Path(options.pythonpath).resolve()), os.environ.get("PYTHONPATH", "")]
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    except CommandError:
        pass  # the parser of the command reports this error
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
    # The web server and the worker must not have the rights of the table owner.
    if role := {"runserver": "web", "work": "worker"}.get("".join(sys.argv[1:2])):
        os.environ["LEDGER_ROLE"] = os.environ.get("LEDGER_ROLE", "").strip() or role


def log_format() -> str:
    from django.conf import settings

    try:
        return getattr(settings, "LOG_FORMAT", "")
    except ModuleNotFoundError as err:
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        if err.name is None or not f"{module}.".startswith(f"{err.name}."):
            exit_if_not_installed(err)
            raise
        sys.exit(
            f"There is no settings module {module}. --settings or DJANGO_SETTINGS_MODULE names it;"
            " without either it is ledger.settings."
        )


def exit_if_not_installed(err: ModuleNotFoundError) -> None:
    from ledger.management.not_installed import message_for

    if message := message_for(err, os.environ["DJANGO_SETTINGS_MODULE"]):
        sys.exit(message)


def print_hint() -> None:
    from ledger.management.hints import hint_for

    if hint := hint_for(sys.argv[1:]):
        print(hint, file=sys.stderr)


def exit_if_of_settings(err: Exception) -> None:
    """Exits with a message if the error was raised by the settings, or by Django's code that reads
    settings or connects to databases.
    """
    frames = [frame for frame, _line in traceback.walk_tb(err.__traceback__)]
    raised_by = str(frames[-1].f_globals["__name__"])
    if raised_by.startswith(("django.conf", "django.db", "ledger.env", "ledger.settings")):
        sys.exit(f"The settings in {os.environ['DJANGO_SETTINGS_MODULE']} cannot be used: {err}")


def run(records: "ExitStack | None" = None) -> None:
    """Runs the command of this process. If the output of the command must be converted to log
    records, the context that does this is entered in the ExitStack `records`.
    """
    import psycopg
    from django.core.exceptions import ImproperlyConfigured
    from django.db import Error

    from ledger.db.history import facts
    from ledger.db.server.embedded import EmbeddedServerError
    from ledger.management.command_line import CommandLine

    def command() -> "dict[str, str | None]":
        return {"path": f"manage.py {sys.argv[1]} ({getpass.getuser()})"}

    try:
        with facts.with_facts(command):
            CommandLine(sys.argv, records).execute()
    except SystemExit as err:
        if err.code in (REFUSED, WRONG_LINE):
            print_hint()
        raise
    except (Error, psycopg.Error) as err:
        from ledger.db.outages.command_errors import message_for

        if message := message_for(err):
            sys.exit(message)
        raise
    except EmbeddedServerError as err:
        sys.exit(str(err))
    except ImproperlyConfigured as err:
        exit_if_of_settings(err)
        raise
    except ModuleNotFoundError as err:
        exit_if_not_installed(err)
        raise
    except EOFError:
        sys.exit(
            "The command asks a question, and there is no terminal. Run it in one, or add"
            " --noinput where it has that."
        )


if __name__ == "__main__":
    main()
