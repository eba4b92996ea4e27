"""Which tests `make test` runs, which tests share a worker, and the parts of a divided run.

`tests/slow_tests.txt` has the measured seconds of one case of each slow test function, and of files
whose fixtures are slow. `make test` gives each of them SECONDS: of a function with many cases it
runs as many, evenly spaced, as fit; a function whose single case takes longer runs only if KEPT
names it. Every other test is fast and runs, so a new test or a moved file needs nothing here. To
measure again:

    .venv/bin/python -m pytest -n auto --dist loadgroup --durations=0 -vv > measured.txt
    .venv/bin/python -m tests.selection measured.txt
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import pytest

FILE = Path(__file__).with_name("slow_tests.txt")
SECONDS = 1.0
SLOW_FIXTURE = 3.0
FAST = 0.05  # what a test takes that is not in the list
LONG = 5.0  # a test of this length goes to any worker that is free

# Slow tests that `make test` runs all the same, because no fast one proves what they prove, and how
# many of their cases.
KEPT = {
    "test_features.py::test_a_payment_is_reviewed_sent_searched_and_noted": 1,  # in a browser
}

LEFT_OUT = pytest.StashKey[list[pytest.Item]]()
COUNTS = pytest.StashKey[dict[str, int]]()
KEY = "left out"
PART = re.compile(r"([1-9]\d*)/([1-9]\d*)")
DURATION = re.compile(r"(\d+\.\d+)s (setup|call|teardown) +(\S+/)?(\w+\.py)::([^[\s]+)(\[.*)?$")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", type=_part, metavar="K/N", help="run the K-th of N parts")
    parser.addoption(
        "--database-only", action="store_true", help="leave out tests that use no test database"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Marks tests before -m and -k choose from them; what they have chosen is divided."""
    mark_slow_tests(items)
    groups = {item: group_of(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    yield
    if config.getoption("--database-only"):
        leave_out(config, items, [item for item in items if not uses_database(item)])
    seconds = defaultdict[str, float](float)
    for item in items:
        seconds[groups[item]] += seconds_of(name_of(item)) or FAST
    if part := config.getoption("--part"):
        parts = parts_of(seconds, part[1])
        leave_out(config, items, [item for item in items if parts[groups[item]] != part[0]])
    if config.getoption("dist", "no") != "no":  # no worker begins a long group at the end
        items.sort(key=lambda item: -seconds[groups[item]])


def leave_out(config: pytest.Config, items: list[pytest.Item], others: list[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=others)
    gone = set(others)
    items[:] = [item for item in items if item not in gone]


def uses_database(item: pytest.Item) -> bool:
    """Returns whether a test may behave differently with another server or connection."""
    names = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or "django_db_setup" in names


def parts_of(seconds: Mapping[str, float], number: int) -> dict[str, int]:
    """Divides groups into so many parts, from 1 on, that take about the same time: the longest
    group first, each into the part that has least.
    """
    parts, loads = dict[str, int](), dict.fromkeys(range(1, number + 1), 0.0)
    for group in sorted(seconds, key=lambda each: (-seconds[each], each)):
        parts[group] = min(loads, key=lambda part: (loads[part], part))
        loads[parts[group]] += seconds[group]
    return parts


def mark_slow_tests(items: Iterable[pytest.Item]) -> None:
    """Marks as slow what does not fit into the time of `make test`."""
    cases = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        cases[name_of(item)].append(item)
    for name, found in cases.items():
        chosen = chosen_cases(len(found), seconds_of(name), KEPT.get(name))
        for number, item in enumerate(found):
            if number not in chosen:
                item.add_marker(pytest.mark.slow)


def chosen_cases(number: int, seconds: float, kept: int | None = None) -> set[int]:
    """Returns which of so many cases, each of so many seconds, `make test` runs: evenly spaced."""
    most = kept if kept is not None else int(SECONDS // seconds) if seconds else number
    if most >= number:
        return set(range(number))
    return {case * number // most for case in range(most)}


def name_of(item: pytest.Item) -> str:
    """Returns the name of the file and of the function: the same wherever the file is moved."""
    return f"{item.path.name}::{getattr(item, 'originalname', item.name)}"


def seconds_of(name: str) -> float:
    """Returns the measured seconds of one case; 0 for a fast test."""
    measured = slow_tests()
    return measured.get(name) or measured.get(name.partition("::")[0], 0)


@cache
def slow_tests() -> Mapping[str, float]:
    lines = [line.split() for line in FILE.read_text().splitlines() if not line.startswith("#")]
    return {name: float(seconds) for seconds, name in lines}


def group_of(item: pytest.Item) -> str:
    """Returns the group of a test, all of whose tests run on one worker: what shares a fixture."""
    names = set(getattr(item, "fixturenames", ()))
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs if names else {}  # noqa: B009
    scopes = {each[-1].scope for name, each in definitions.items() if name in names and each}
    if "package" in scopes:
        return str(item.path.parent)
    if "module" not in scopes and seconds_of(name_of(item)) >= LONG:
        return item.nodeid
    return str(item.path)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands the tests that `make test` leaves out to the process that prints the summary."""
    found = Counter(
        item.path.relative_to(FILE.parent).parts[0] for item in session.config.stash[LEFT_OUT]
    )
    getattr(session.config, "workeroutput", {})[KEY] = dict(found)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes what a worker of xdist hands over."""
    node.config.stash[COUNTS] = getattr(node, "workeroutput", {}).get(KEY, {})


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow"):
            item.config.stash[LEFT_OUT].append(item)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT], config.stash[COUNTS] = [], {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = terminalreporter.config.stash[COUNTS]
    if counts:
        folders = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
        terminalreporter.write_line(
            f"make test-all adds {sum(counts.values())} slow tests: {folders}."
        )


def _part(text: str) -> tuple[int, int]:
    found = PART.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ValueError(text)
    return int(found[1]), int(found[2])


def measured(lines: Iterable[str]) -> Iterator[tuple[float, str]]:
    """Reads pytest's list of durations; returns seconds and names for slow_tests.txt."""
    phases = defaultdict[str, dict[str, list[float]]](lambda: defaultdict(list))
    files = defaultdict[str, list[float]](list)
    for line in lines:
        if found := DURATION.match(line.strip()):
            seconds, phase, _, file, function, _ = found.groups()
            phases[f"{file}::{function}"][phase].append(float(seconds))
            if phase == "setup":
                files[file].append(float(seconds))
    slow_files = {file for file, each in files.items() if max(each) - median(each) > SLOW_FIXTURE}
    for file in slow_files:
        yield max(files[file]), file
    for name, found_phases in phases.items():
        cases = max(map(len, found_phases.values()))
        fixtures = median(found_phases["setup"] or [0.0])
        rest = sum(found_phases["call"]) + sum(found_phases["teardown"])
        seconds = fixtures + rest / cases
        if seconds * cases > SECONDS and name.partition("::")[0] not in slow_files:
            yield seconds, name


def main(source: Path) -> None:
    found = sorted(measured(source.read_text().splitlines()), key=lambda each: each[1])
    lines = [f"{max(seconds, 0.01):.2f} {name}" for seconds, name in found]
    FILE.write_text("# Seconds of one case, see selection.py.\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
