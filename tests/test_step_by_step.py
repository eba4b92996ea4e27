"""The pages of docs "step by step", each followed in a copy of the checkout with an empty bank."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models.account import SETTINGS
from ledger.env import BASE_DIR
from tests.console import Step, blocks_of, missing_line, read
from tests.ledger.processes import environment
from tests.mutations.tree import copied

APP, SETTING = "docs/new-app.md", "docs/new-setting.md"
# Whether this checkout already contains the example of a page, so that its changes do not fit.
FOLLOWED = {APP: (BASE_DIR / "banking/branches").exists(), SETTING: "colour" in SETTINGS}
MOST_FILES = 6  # written by hand for a setting
PART = re.compile(r"^```(python|diff|console|html) *(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
ALL_CHECKS, DOCUMENTS = "make check", "make docs"
# Commands that do not run here: all tests, and the test that reads all pages.
OF_THE_WHOLE_SITE = re.compile("make test|.* tests/attacks/test_each_page.py .*")
TYPES = "-m mypy"


@pytest.fixture
def checkout() -> Iterator[Path]:
    with copied(BASE_DIR) as folder:
        yield folder


def change(text: str, diff: str) -> str:
    """Returns the text after a change. The change must match exactly one place."""
    before, after = (
        "".join(line[1:] for line in diff.splitlines(keepends=True) if line[0] in kinds)
        for kinds in (" -", " +")
    )
    assert text.count(before) == 1, f"this does not fit:\n{diff}"
    return text.replace(before, after)


def follow(step: Step, checkout: Path) -> None:
    done = run(step.command, checkout)
    assert not missing_line(step, done), f"{step.command} printed:\n{done}"


def run(command: str, checkout: Path) -> str:
    """Runs a command that must succeed, and returns its output."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=checkout, env=environment(checkout / ".data"), check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.skipif(is_followed, reason="it was followed here"))
        for page, is_followed in FOLLOWED.items()
    ],
)
def test_its_steps_end_with_code_that_passes_its_checks_and_tests(
    checkout: Path, page: str
) -> None:
    blocks = {block.line: block for block in blocks_of(page)}
    text = read(page)
    for part in PART.finditer(text):
        kind, name, content = part.groups()
        if kind == "console":
            for step in blocks[text[: part.start()].count("\n") + 1].steps:
                if step.command == ALL_CHECKS:
                    check(checkout)
                elif step.command == DOCUMENTS:
                    run(f"{DOCUMENTS} LEDGER_VENV=.venv", checkout)
                elif not OF_THE_WHOLE_SITE.fullmatch(step.command):
                    follow(step, checkout)
        elif kind == "diff":
            file = checkout / name
            file.write_text(change(file.read_text(), content))
        else:
            file = checkout / name
            file.parent.mkdir(exist_ok=True, parents=True)
            file.write_text(content)


def test_a_setting_needs_few_files() -> None:
    written = {name for kind, name, _ in PART.findall(read(SETTING)) if kind != "console"}
    assert 0 < len(written) <= MOST_FILES


def check(checkout: Path) -> None:
    """Runs `make check` without type checks, which take a minute."""
    listed = run("make --no-print-directory --dry-run check LEDGER_VENV=.venv", checkout)
    for command in listed.splitlines():
        if TYPES not in command:
            run(command, checkout)
