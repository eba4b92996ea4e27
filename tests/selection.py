"""Which tests `make test` runs, which tests share a worker, and the parts of a divided run.

`tests/slow_tests.txt` has the measured seconds of one case of each slow test function, and of files
whose fixtures are slow. `make test` gives each of them SECONDS: of a function with many cases it
runs as many, evenly spaced, as fit. Of a function whose single case takes longer it runs one case
if the line goes on with a file: the code in that file which no quicker test runs. Every other test
is fast and runs, so a new test or a moved file needs nothing here. To measure again, and to record
which test runs which lines:

    make test-all TESTS=--durations=0 > measured.txt
    mkdir record && MUTANTS_RECORD=record make test-all TESTS="-p tests.mutations.recording"
    .venv/bin/python -m tests.selection measured.txt record

`tests/behind_policies.txt` has the tests of rules that row-level security hides.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import pytest
from django.conf import settings

FILE = Path(__file__).with_name("slow_tests.txt")
HIDDEN_RULES = Path(__file__).with_name("behind_policies.txt")
BEHIND_POLICIES = "row-level security refuses before the rule that this test asserts"
SECONDS = 0.05
SLOW_FIXTURE = 1.0  # seconds of a setup that the tests of a file are taken to share
LONGEST_KEPT = 2.0  # seconds of a case that may be the only one to run some code
FAST = 0.02  # what a test takes that is not in the list
LONG = 5.0  # a test of this length goes to any worker that is free

# Slow tests that `make test` runs all the same, because no fast one proves what they prove, and how
# many of their cases.
KEPT = {
    # Notices any change of a field, an address or a status of the API.
    "test_schema.py::test_the_schema_is_that_of_the_code": 1,
    "test_features.py::test_a_payment_is_reviewed_sent_searched_and_noted": 1,  # in a browser
}

Line = TypeVar("Line", bound=Hashable)
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
    if settings.LEDGER_ROW_SECURITY:
        skip_hidden_rules(items)
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
    fixtures = slow_packages(items)
    for name, found in cases.items():
        seconds, kept = seconds_of(name), kept_cases(name)
        if shared := fixtures.get(group_of(found[0])):
            seconds, kept = max(seconds, shared), KEPT.get(name, 0)
        chosen = chosen_cases(len(found), seconds, kept)
        for number, item in enumerate(found):
            if number not in chosen:
                item.add_marker(pytest.mark.slow)


def slow_packages(items: Iterable[pytest.Item]) -> dict[str, float]:
    """Returns groups whose tests share a fixture of a package, and its seconds, which the list has
    for the file that happened to run first.
    """
    files = {(item.path.name, str(item.path.parent), group_of(item)) for item in items}
    found = defaultdict[str, float](float)
    for file, folder, group in files:
        if group == folder and file in slow_tests():
            found[group] = max(found[group], slow_tests()[file].seconds)
    return found


def skip_hidden_rules(items: Iterable[pytest.Item]) -> None:
    """For a run with row-level security."""
    for item in items:
        if name_of(item) in hidden_rules():
            item.add_marker(pytest.mark.skip(reason=BEHIND_POLICIES))


@cache
def hidden_rules() -> frozenset[str]:
    lines = HIDDEN_RULES.read_text().splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def chosen_cases(number: int, seconds: float, kept: int = 0) -> set[int]:
    """Returns which of so many cases, each of so many seconds, `make test` runs: evenly spaced."""
    most = max(kept, int(SECONDS // seconds)) if seconds else number
    if most >= number:
        return set(range(number))
    return {case * number // most for case in range(most)}


def kept_cases(name: str) -> int:
    """Returns how many cases of a test run, however slow it is."""
    return KEPT.get(name) or (1 if name in slow_tests() and slow_tests()[name].only_in else 0)


def name_of(item: pytest.Item) -> str:
    """Returns the name of the file and of the function: the same wherever the file is moved."""
    return f"{item.path.name}::{getattr(item, 'originalname', item.name)}"


@dataclass(frozen=True)
class SlowTest:
    """A line of slow_tests.txt. `only_in` is a file, of which this test alone runs some code."""

    seconds: float
    only_in: str = ""


def seconds_of(name: str) -> float:
    """Returns the measured seconds of one case; 0 for a fast test."""
    found = slow_tests().get(name) or slow_tests().get(name.partition("::")[0])
    return found.seconds if found else 0


@cache
def slow_tests() -> Mapping[str, SlowTest]:
    lines = [line.split() for line in FILE.read_text().splitlines() if not line.startswith("#")]
    return {name: SlowTest(float(seconds), *only) for seconds, name, *only in lines}


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
            function = function.rpartition("::")[2]
            phases[f"{file}::{function}"][phase].append(float(seconds))
            if phase == "setup":
                files[file].append(float(seconds))
    slow_files = {file for file, each in files.items() if max(each) > SLOW_FIXTURE}
    for file in slow_files:
        yield max(files[file]), file
    for name, found_phases in phases.items():
        cases = max(map(len, found_phases.values()))
        fixtures = median(found_phases["setup"] or [0.0])
        rest = sum(found_phases["call"]) + sum(found_phases["teardown"])
        seconds = fixtures + rest / cases
        if seconds * cases > SECONDS and name.partition("::")[0] not in slow_files:
            yield seconds, name


def only_ones(
    lines: Mapping[str, Collection[Line]], seconds: Mapping[str, float], chosen: Collection[str]
) -> dict[str, Line]:
    """Returns which further tests to run so that each line runs, and for each of them a line that
    no other one runs: greedily, what runs most further lines in a second first.
    """
    missing = set[Line]().union(*lines.values())
    missing.difference_update(*(lines[test] for test in chosen))
    rest = {test: missing.intersection(lines[test]) for test in lines.keys() - set(chosen)}
    found = dict[str, Line]()
    while rest := {test: each for test, each in rest.items() if each}:
        best = max(sorted(rest), key=lambda test: len(rest[test]) / max(seconds[test], FAST))
        found[best] = min(rest[best], key=str)
        news = rest.pop(best)
        rest = {test: each - news for test, each in rest.items()}
    return found


def from_record(folder: Path) -> tuple[dict[str, set[tuple[str, int]]], dict[str, float]]:
    """Reads a record of tests.mutations: the lines that the first case of each test function runs,
    and its seconds.
    """
    from tests.mutations.record import Record

    record = Record(folder, FILE.parent.parent)
    first = dict[str, str]()
    for test in record.seconds:
        file, _, function = test.partition("[")[0].partition("::")
        its = f"{file.rpartition('/')[2]}::{function.rpartition('::')[2]}"
        first.setdefault(its, test)
    name_of_first = {test: name for name, test in first.items()}
    lines: dict[str, set[tuple[str, int]]] = {name: set() for name in first}
    for path in sorted({file for part in record.parts for file in part.measured_files()}):
        its = str(Path(path).relative_to(record.root))
        for number, contexts in record.contexts(its).items():
            if "" not in contexts:
                for test in record.tests_in(contexts) & name_of_first.keys():
                    lines[name_of_first[test]].add((its, number))
    return lines, {name: record.seconds[test] for name, test in first.items()}


def main(source: Path, folder: Path) -> None:
    found = {name: seconds for seconds, name in measured(source.read_text().splitlines())}
    lines, seconds = from_record(folder)
    known = {name: found.get(name, found.get(name.partition("::")[0], 0.0)) for name in lines}
    slow = {name for name in lines if known[name] > SECONDS}
    cost = {name: max(seconds[name], known[name]) for name in lines}
    quick = {name: each for name, each in lines.items() if cost[name] <= LONGEST_KEPT}
    only = only_ones(quick, cost, quick.keys() - slow)
    listed = {**{name: known[name] for name in only}, **found}
    texts = [
        f"{max(listed[name], 0.01):.2f} {name} {only[name][0] if name in only else ''}".strip()
        for name in sorted(listed)
    ]
    FILE.write_text("# Seconds of one case, see selection.py.\n" + "\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
