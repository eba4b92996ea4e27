"""What commands exit with after a signal to stop, whatever it met."""

import subprocess
import sys

import pytest

from tests.ledger.processes import LONG

# Dataclasses are made in such a text, and a signal that comes meanwhile is raised in it.
IN_A_TEXT = """
from ledger.server.stop_signals import ToldToStop
try:
    exec("raise {raised}")
except KeyboardInterrupt:
    print("caught")
"""
COMMAND_IN_A_TEXT = """
import django
django.setup()
from django.core.management import call_command
from ledger.management.commands import work
def in_a_text(*_arguments, **_options):
    exec("import os, signal; os.kill(os.getpid(), signal.SIGTERM)\\nwhile True: pass")
work.Command._work = in_a_text
call_command("work")
print("ended")
"""


def run(code: str) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=LONG, check=False
    )
    return done.stdout.strip(), done.returncode


@pytest.mark.parametrize(("raised", "code"), [("ToldToStop", 0), ("KeyboardInterrupt", -2)])
def test_a_caught_stop_leaves_the_exit_code_alone(raised: str, code: int) -> None:
    assert run(IN_A_TEXT.format(raised=raised)) == ("caught", code)


def test_a_worker_ends_cleanly_where_the_signal_met_a_class_being_made() -> None:
    assert run(COMMAND_IN_A_TEXT) == ("ended", 0)
