"""A pytest plugin that records which tests run which lines, and the time of each test.

Use `-p tests.mutations.recording`, with the folder for the record in MUTANTS_RECORD. The plugin
supports workers of pytest-xdist and code in threads. Code in other processes is not recorded.

The context of a line is the test that runs the line. The context of code in a fixture of a module
or session is the fixture: its lines count for all tests that use the fixture. `fixtures.json`
contains these tests.
"""

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

from tests.mutations.names import without_group
from tests.mutations.swapping import caches_of

FIXTURE = "fixture:"
WHOLE_CODE = "whole_code"  # the marker of tests that read all code or all pages


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Starts the recording before any code of the project is imported."""
    folder = Path(os.environ["MUTANTS_RECORD"])
    early_config.pluginmanager.register(LineRecorder(folder, early_config.rootpath))


def pytest_configure(config: pytest.Config) -> None:
    """Records the times that workers report to the first process."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(
            TimeRecorder(Path(os.environ["MUTANTS_RECORD"]), config.rootpath)
        )


class TimeRecorder:
    """The time of each test, and the tests that failed or were skipped."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        self.seconds: dict[str, float] = defaultdict(float)
        self.not_passed: set[str] = set()
        self.skipped: set[str] = set()
        self.whole_code: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Adds the times of setup, call and teardown."""
        self.seconds[report.nodeid] += report.duration
        if WHOLE_CODE in report.keywords:
            self.whole_code.add(report.nodeid)
        if report.skipped:
            self.skipped.add(report.nodeid)
        elif report.failed:
            self.not_passed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Writes `tests.json`: the seconds of each passed test, and the other tests."""
        others = self.not_passed | self.skipped
        passed = {k: round(v, 3) for k, v in self.seconds.items() if k not in others}
        record = {
            "root": str(self.root),
            "seconds": passed,
            "not_passed": sorted(self.not_passed),
            WHOLE_CODE: sorted(self.whole_code),
        }
        (self.folder / "tests.json").write_text(json.dumps(record))


class LineRecorder:
    """The lines that each test runs, recorded by coverage."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        self.root = root
        self.name = os.getpid()
        self.modules = 0
        self.caches: list[Any] = []
        self.contexts: list[str] = [""]
        self.users: dict[str, list[str]] = defaultdict(list)
        self.coverage = Coverage(
            data_file=folder / f"lines-{self.name}.sqlite",
            config_file=False,
            source=[str(root)],
            omit=["*/tests/*", "*/migrations/*"],
            messages=False,
        )
        # The first process of pytest-xdist runs no tests.
        self.coverage.set_option("run:disable_warnings", ["no-data-collected"])
        self.coverage.start()

    def clear_caches(self) -> None:
        """Clears caches, so that each test also runs the code behind a cache."""
        if len(sys.modules) != self.modules:
            self.modules = len(sys.modules)
            self.caches = caches_of(self.root)
        for each in self.caches:
            each.cache_clear()

    def enter(self, context: str) -> None:
        """Records lines in this context until `leave` is called."""
        self.contexts.append(context)
        self.coverage.switch_context(context)

    def leave(self) -> None:
        """Records lines in the previous context again."""
        self.contexts.pop()
        self.coverage.switch_context(self.contexts[-1])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Records the lines that the test runs."""
        name = without_group(item.nodeid)
        for definitions in item._fixtureinfo.name2fixturedefs.values():  # type: ignore[attr-defined]
            if definitions[-1].scope != "function":
                self.users[fixture_context(definitions[-1])].append(name)
        self.clear_caches()
        self.enter(name)
        try:
            return (yield)
        finally:
            self.leave()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """Records the lines of a shared fixture for all its tests."""
        if fixturedef.scope == "function":
            return (yield)
        self.enter(fixture_context(fixturedef))
        try:
            return (yield)
        finally:
            self.leave()

    def pytest_sessionfinish(self) -> None:
        """Writes the lines, and the tests of each fixture."""
        self.coverage.stop()
        self.coverage.save()
        (self.folder / f"fixtures-{self.name}.json").write_text(json.dumps(self.users))


def fixture_context(fixture: Any) -> str:
    """Returns the context of a fixture: its scope, the file or folder that defines it, and its
    name.
    """
    return f"{FIXTURE}{fixture.scope}:{fixture.baseid}::{fixture.argname}"
