"""The service `app` of compose.dev.yaml, with its mounts and as its user, without Docker.

Its packages are those of this environment; the lines of its stage are run, see
`tests/containers/dockerfile.py`.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.env import BASE_DIR
from tests.console import blocks_of
from tests.containers.compose import compose, filled
from tests.containers.dockerfile import Build, stages_of, why_not
from tests.ledger.processes import LONG
from tests.mutations.tree import copied

DEVELOPER = 1234
STAGES = stages_of((BASE_DIR / "Dockerfile").read_text())
APP = filled(compose("compose.dev.yaml"), {"DEVELOPER": str(DEVELOPER)})["services"]["app"]
IN_APP = re.compile(r"docker compose run --rm (?:--build )?app (.+)")
COMMANDS = [
    found[1]
    for block in blocks_of("docs/containers.md")
    for step in block.steps
    if (found := IN_APP.fullmatch(step.command))
]
# What the test runs in place of a command of the page that takes minutes.
SHORTER = {
    "make test TESTS=tests/accounts": "make test TESTS=tests/ledger/test_amounts.py",
    "make check": "make --dry-run check",
}

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Developing:
    """A checkout that belongs to the developer, and commands that run in it."""

    def __init__(self, build: Build, checkout: Path) -> None:
        self.build, self.checkout = build, checkout
        self.mounts = [
            mount.replace(".", str(checkout), 1) if mount.startswith(".:") else mount
            for mount in (m if ":" in m else self.volume(m) for m in APP["volumes"])
        ]
        users = (build.upper("dev") / "etc/passwd").read_text()
        (self.home,) = re.findall(rf"^{build.users['dev']}:.*:(.*):", users, re.MULTILINE)
        self.mounts.append(f"{sys.prefix}:/venv:ro")
        if not sys.base_prefix.startswith("/usr"):
            self.mounts.append(f"{sys.base_prefix}:{sys.base_prefix}:ro")

    def volume(self, target: str) -> str:
        """A new volume: as from Docker, it begins as the folder of the image, with its owner."""
        folder = self.build.upper("dev") / target.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", folder, self.build.folder / "data"], check=True)
        return f"{self.build.place}/data:{target}"

    def run(self, command: str) -> str:
        """What it prints. It has to succeed."""
        environment = {**self.build.environments["dev"], **APP["environment"], "HOME": self.home}
        process = self.build.start("dev", shlex.split(command), environment, mounts=self.mounts)
        output, errors = process.communicate(timeout=LONG)
        assert process.returncode == 0, f"{command}: {output}{errors}"
        return output + errors


@pytest.fixture(scope="module")
def developing() -> Iterator[Developing]:
    arguments = {**APP["build"]["args"], "POSTGRES_CLIENT": ""}  # apt.postgresql.org is not asked
    with Build(STAGES, **arguments) as build, copied(BASE_DIR) as checkout:
        (checkout / ".env").write_text("POSTGRES_PASSWORD=of-the-bank\n")
        subprocess.run(["chown", "-hR", f"{DEVELOPER}:{DEVELOPER}", checkout], check=True)
        (build.upper("packages") / "venv").mkdir()
        build.build("base", "system", APP["build"]["target"])
        yield Developing(build, checkout)


def test_the_page_has_commands_for_tests_lint_and_migrations() -> None:
    assert {"make", "ruff", "python"} <= {command.split()[0] for command in COMMANDS}
    assert {*SHORTER} <= {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_runs(developing: Developing, command: str) -> None:
    printed = developing.run(SHORTER.get(command, command))
    assert "Installing" not in printed


def test_what_a_command_writes_belongs_to_the_developer(developing: Developing) -> None:
    model = developing.checkout / "transactions/categories/models/budget.py"
    before = model.read_text()
    model.write_text(before.replace('"For each month"', '"For each month, of the owner"'))
    developing.run("python manage.py makemigrations --name words categories")
    (migration,) = developing.checkout.glob("transactions/categories/migrations/*_words.py")
    assert migration.stat().st_uid == DEVELOPER
    developing.run("ruff check .")
    assert (developing.checkout / ".ruff_cache").stat().st_uid == DEVELOPER


def test_the_secrets_of_the_bank_are_not_there(developing: Developing) -> None:
    assert developing.run("cat .env") == ""
