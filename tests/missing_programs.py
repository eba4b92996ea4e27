"""Counts the tests that pytest skips because a Debian package is missing.

If TESTS_NEED_EVERY_PROGRAM is set, these tests fail.
"""

import os
import re
from collections import Counter
from collections.abc import Generator

import pytest

NEEDED = "TESTS_NEED_EVERY_PROGRAM"
PACKAGES = re.compile(r"\bapt-get install ([\w. -]+)")


def missing_packages(report: pytest.TestReport) -> str:
    """Returns the packages without which this test was skipped, or an empty text."""
    if not (report.skipped and isinstance(report.longrepr, tuple)):
        return ""
    found = PACKAGES.search(report.longrepr[2])
    return found[1] if found else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get(NEEDED) and (packages := missing_packages(report)):
        report.outcome = "failed"
        report.longrepr = f"{NEEDED} is set: apt-get install {packages}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = Counter(map(missing_packages, terminalreporter.getreports("skipped")))
    del counts[""]
    if counts:
        listed = ", ".join(f"{packages} {number}" for packages, number in sorted(counts.items()))
        terminalreporter.write_line(f"Tests skipped because a package is missing: {listed}.")
