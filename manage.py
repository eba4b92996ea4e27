#!/usr/bin/env python3
"""Django's command line for Ledger."""

import atexit
import gc
import getpass
import os
import sys

# In syntax that older Pythons can read, so that they print the sentence.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("Ledger needs Python 3.11 or newer; this is Python %d.%d." % sys.version_info[:2])  # noqa: UP031


# What a command loads stays until it ends. To look for garbage in it as often as Python does would
# take a quarter of the time of loading, and again as long at the exit.
GARBAGE_THRESHOLDS = (100_000, 50, 1000)
REFUSED, WRONG_LINE = 1, 2  # how Django's commands end, for CommandError and for their arguments


def main() -> None:
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    atexit.register(gc.freeze)
    choose_settings()

    from ledger.logs import context, output, start
    from ledger.management.closed_output import ends_without_reader

    if log_format() != "json":
        with ends_without_reader():
            run()
        return
    context.tell_of_process(command=sys.argv[1] if len(sys.argv) > 1 else "help")
    if output.is_recorded(sys.argv[1:]):
        start.log_after_setup()
        with output.as_records():
            run()
    else:
        run()


def choose_settings() -> None:
    """Sets DJANGO_SETTINGS_MODULE from `--settings`, and the path from `--pythonpath`, before the
    settings are read for the first time.
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
    except CommandError:
        pass  # the command's own parser names it
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ledger.settings")
    # Neither pages nor the worker have the rights of the owner of the tables.
    if role := {"runserver": "web", "work": "worker"}.get("".join(sys.argv[1:2])):
        os.environ["LEDGER_ROLE"] = os.environ.get("LEDGER_ROLE", "").strip() or role


def log_format() -> str:
    from django.conf import settings

    try:
        return getattr(settings, "LOG_FORMAT", "")
    except ModuleNotFoundError as err:
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        if err.name is None or not f"{module}.".startswith(f"{err.name}."):
            raise
        sys.exit(
            f"There is no settings module {module}. --settings or DJANGO_SETTINGS_MODULE names it;"
            " without either it is ledger.settings."
        )


def tell_hint() -> None:
    from ledger.management.hints import hint_for

    if sentence := hint_for(sys.argv[1:]):
        print(sentence, file=sys.stderr)


def run() -> None:
    import psycopg
    from django.db import Error

    from ledger.db.history import facts
    from ledger.db.server.embedded import EmbeddedServerError
    from ledger.management.command_line import CommandLine

    def command() -> "dict[str, str | None]":
        return {"path": f"manage.py {sys.argv[1]} ({getpass.getuser()})"}

    try:
        with facts.with_facts(command):
            CommandLine(sys.argv).execute()
    except SystemExit as err:
        if err.code in (REFUSED, WRONG_LINE):
            tell_hint()
        raise
    except (Error, psycopg.Error) as err:
        from ledger.db.outages.command_errors import message_for

        if message := message_for(err):
            sys.exit(message)
        raise
    except EmbeddedServerError as err:
        sys.exit(str(err))
    except EOFError:
        sys.exit(
            "The command asks a question, and there is no terminal. Run it in one, or add"
            " --noinput where it has that."
        )


if __name__ == "__main__":
    main()
