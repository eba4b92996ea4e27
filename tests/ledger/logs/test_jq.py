"""The commands of docs/logs.md that read the log with jq."""

import json
import shlex
import shutil
import subprocess

import pytest

from tests.console import blocks_of
from tests.programs import needs

JQ = shutil.which("jq")
COMMANDS = [
    step.command
    for block in blocks_of("docs/logs.md")
    for step in block.steps
    if "jq" in step.command
]
LINES = [
    "Started ledger-web.service - Ledger.",  # of systemd, in the same journal
    json.dumps({"event": "request.answered", "status": 503, "request_id": "9a41f4c2d8..."}),
    json.dumps({"event": "request.answered", "status": 200, "request_id": "5b"}),
    json.dumps({"event": "job.done"}),
]


@needs("jq", JQ)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_finds_its_line_among_others(command: str) -> None:
    filtering = shlex.split(command.partition(" | ")[2])
    done = subprocess.run(
        filtering, input="\n".join(LINES), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [LINES[1].replace(": ", ":").replace(", ", ",")]


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 2
