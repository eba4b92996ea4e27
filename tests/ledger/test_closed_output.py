"""A command whose reader leaves, as `| head -3` does, ends without a message."""

import subprocess
from pathlib import Path

import pytest

from ledger.management.closed_output import ENDED_BY_PIPE
from tests.ledger.processes import LONG, MANAGE, environment


def without_reader(
    tmp_path: Path, *arguments: str, buffered: bool = True
) -> subprocess.CompletedProcess[str]:
    with subprocess.Popen(
        [*MANAGE, *arguments],
        env=environment(tmp_path, PYTHONUNBUFFERED="" if buffered else "1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout
        command.stdout.close()
        assert command.stderr
        said = command.stderr.read()
        return subprocess.CompletedProcess(command.args, command.wait(LONG), stderr=said)


@pytest.mark.parametrize("buffered", [True, False])  # the pipe breaks at the end, or on the way
def test_it_ends_as_other_programs_do(tmp_path: Path, *, buffered: bool) -> None:
    ended = without_reader(tmp_path, "version", buffered=buffered)
    assert (ended.returncode, ended.stderr) == (ENDED_BY_PIPE, "")


def test_a_refusal_is_printed_still(tmp_path: Path) -> None:
    ended = without_reader(tmp_path, "check", "polls")
    assert ended.returncode == 1
    assert "polls" in ended.stderr
