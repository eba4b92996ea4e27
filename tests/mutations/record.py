"""The record of which tests run which lines. The record is created once for a state of the code,
and then read.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from coverage import CoverageData

from tests.mutations.places import Mutation
from tests.mutations.recording import FIXTURE, WHOLE_CODE
from tests.mutations.tree import environment

# These settings change how the tests run: see tests/settings.py.
VARIABLES = ("LEDGER_ROW_SECURITY", "TESTS_THROUGH")


def key(folder: Path, arguments: Sequence[str]) -> str:
    """Returns digests of all files of a copy, and of the selected tests."""
    files = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not {".venv", ".git", ".data", "__pycache__"} & {*name.parts}:
            files.update(f"{name}\0".encode() + file.read_bytes())
    variables = {name: os.environ.get(name, "") for name in VARIABLES}
    chosen = hashlib.sha256(json.dumps([*arguments, variables]).encode())
    return f"{files.hexdigest()[:16]}-{chosen.hexdigest()[:8]}"


def make(tree: Path, folder: Path, arguments: Sequence[str]) -> None:
    """Runs the tests once, and stores the record in the folder.

    Raises: RuntimeError if no test passes.
    """
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutations.recording"]
    surroundings = {**environment(), "MUTANTS_RECORD": str(folder)}
    ended = subprocess.run([*command, *arguments], cwd=tree, env=surroundings, check=False)
    if not (folder / "tests.json").exists() or not Record(folder, tree).seconds:
        raise RuntimeError(f"No test passed (pytest ended with {ended.returncode}).")
    (folder / "complete").touch()


@dataclass(frozen=True)
class Candidates:
    """The tests that may notice a change, the most likely test first."""

    tests: list[str]
    # Whether the change has an effect only in a new process, or in fixtures of the whole session.
    is_fresh: bool


class Record:
    """The record of which tests run a line, and of the seconds of each passed test."""

    def __init__(self, folder: Path, tree: Path) -> None:
        self.tree = tree
        record = json.loads((folder / "tests.json").read_text())
        self.root = Path(record["root"])
        self.seconds: dict[str, float] = record["seconds"]
        self.not_passed: list[str] = record["not_passed"]
        # These tests notice a changed decorator or field, also in code that they do not run.
        self.whole_code: set[str] = set(record[WHOLE_CODE]) & self.seconds.keys()
        self.users: dict[str, set[str]] = defaultdict(set)
        for file in folder.glob("fixtures-*.json"):
            for context, tests in json.loads(file.read_text()).items():
                self.users[context].update(tests)
        self.parts = [CoverageData(str(file)) for file in sorted(folder.glob("lines-*.sqlite"))]
        for part in self.parts:
            part.read()
        self.read: dict[str, dict[int, set[str]]] = {}

    def contexts(self, path: str) -> dict[int, set[str]]:
        """Returns the contexts of each line of a file."""
        if path not in self.read:
            lines: dict[int, set[str]] = defaultdict(set)
            for part in self.parts:
                for line, contexts in part.contexts_by_lineno(str(self.root / path)).items():
                    lines[line].update(contexts)
            self.read[path] = lines
        return self.read[path]

    def tests_in(self, contexts: Iterable[str]) -> set[str]:
        """Returns the passed tests of these contexts, including tests that share a fixture."""
        tests: set[str] = set()
        for context in contexts:
            tests |= self.users[context] if context.startswith(FIXTURE) else {context}
        return tests & self.seconds.keys()

    def candidates(self, path: str, change: Mutation) -> Candidates:
        """Returns the tests that run the changed line. For a decorator, also returns the tests that
        run any line of the folder.

        If the line runs only at import, returns the tests of the folder and of the files that name
        its module. In both of these cases, also returns the tests that read all code.
        """
        lines = self.contexts(path)
        if change.first:
            found = set().union(*(lines[n] for n in range(change.first, change.last + 1)))
            tests = self.tests_in(found)
            if change.runs_at_import:  # other code may read what a decorator registers
                tests |= self.tests_of_folder(path) | self.whole_code
            if tests or "" not in found:
                is_prepared = all(each.startswith(f"{FIXTURE}session:") for each in found)
                return Candidates(self.ranked(path, tests), change.runs_at_import or is_prepared)
        tests = self.tests_of_folder(path) | self.tests_of_importers(path) | self.whole_code
        return Candidates(self.ranked(path, tests), is_fresh=True)

    def tests_of_importers(self, path: str) -> set[str]:
        """Returns the tests of all files, including test files, that name the module of this
        file.
        """
        package, _, name = (
            PurePath(path).with_suffix("").as_posix().replace("/", ".").rpartition(".")
        )
        module = re.compile(rf"\b{re.escape(package)}(\.| import .*\b){name}\b")
        tests: set[str] = set()
        for file in self.tree.rglob("*.py"):
            its = str(file.relative_to(self.tree))
            if not its.startswith(".") and module.search(file.read_text("utf-8")):
                tests |= self.tests_in(set().union(*self.contexts(its).values()))
                tests |= {test for test in self.seconds if test.startswith(f"{its}::")}
        return tests

    def tests_of_folder(self, path: str) -> set[str]:
        """Returns the tests that run any line of this file or of the files in its folder. Django
        finds a module of URLs by its name, and reads serializers for a schema without running them.
        """
        beside = (self.tree / path).parent.glob("*.py")
        found = [self.contexts(str(file.relative_to(self.tree))) for file in beside]
        return self.tests_in(set().union(*(each for lines in found for each in lines.values())))

    def ranked(self, path: str, tests: Iterable[str]) -> list[str]:
        """Returns the tests in the order of similarity of their folder to the file's folder, and
        then of speed. Tests that read all code count as tests of the file's folder.
        """
        folders = PurePath("tests", path).with_suffix("").parts

        def rank(test: str) -> tuple[int, float, str]:
            its = PurePath(test.partition("::")[0]).parts
            common = len(folders) - 1 if test in self.whole_code else 0
            while common < min(len(its), len(folders)) and its[common] == folders[common]:
                common += 1
            return -common, self.seconds[test], test

        return sorted(tests, key=rank)
