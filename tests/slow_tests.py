"""Creates `tests/slow_tests.txt`, with which `tests/selection.py` selects the tests of `make test`.

Reads the durations of a complete run, and a record of the lines that each test runs:

    make test-all TESTS=--durations=0 > measured.txt
    mkdir record && MUTANTS_RECORD=record make test-all TESTS="-p tests.mutations.recording"
    .venv/bin/python -m tests.slow_tests measured.txt record
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from pathlib import Path, PurePath
from statistics import median

import pytest

from tests.mutations.record import Record
from tests.selection import (
    FAST,
    FILE,
    SECONDS,
    chosen_cases,
    given_seconds,
    kept_cases,
    key_of,
    name_of,
    shared_scopes,
)

ROOT = FILE.parent.parent
DURATION = re.compile(r"(\d+\.\d+)s (setup|call|teardown) +(\S+?\.py)::([^[\s]+)(\[.*)?$")
SLOW_FIXTURE = 1.0  # seconds of a shared setup, if most tests of the file have a shorter setup
LONGEST_KEPT = 2.0  # maximum seconds of an added case, with its fixtures
BUDGET = 125.0  # seconds of all tests of `make test` on one processor

# See Note [Chance to notice].
RULES = re.compile(r"^api/|(^|/)(\w*services|models|pages?|forms|views|admin|desk)(\.py$|/)")
OTHER_CODE = 0.15
CHANCE, FEW, FLATNESS = 0.35, 25, 0.7
FAR, SAME_FUNCTION = 0.4, 0.15

Line = tuple[str, int]  # a file and a number


def measured(lines: Iterable[str], sharing: Collection[str]) -> Iterator[tuple[float, str]]:
    """Reads pytest's list of durations, and yields seconds and names for slow_tests.txt. The tests
    in the files and folders `sharing` share fixtures.
    """

    def is_shared(setup: float, file: str) -> bool:
        is_rare = median(setups[file]) < SLOW_FIXTURE / 2
        return setup > SLOW_FIXTURE and (is_rare or not {file, folder_of(file)}.isdisjoint(sharing))

    phases = defaultdict[str, dict[str, list[float]]](lambda: defaultdict(list))
    setups = defaultdict[str, list[float]](list)
    for line in lines:
        if found := DURATION.match(line.strip()):
            seconds, phase, path, function, _ = found.groups()
            file = key_of(PurePath(path))
            phases[f"{file}::{function.rpartition('::')[2]}"][phase].append(float(seconds))
            if phase == "setup":
                setups[file].append(float(seconds))
    for file, found_setups in setups.items():
        if is_shared(max(found_setups), file):
            yield max(found_setups), file
    for name, found_phases in phases.items():
        cases = max(map(len, found_phases.values()))
        file = name.partition("::")[0]
        own = [each for each in found_phases["setup"] if not is_shared(each, file)]
        rest = sum(found_phases["call"]) + sum(found_phases["teardown"])
        seconds_of_case = median(own or [0.0]) + rest / cases
        if seconds_of_case * cases > SECONDS:
            yield seconds_of_case, name


def folder_of(file: str) -> str:
    return file.partition("/")[0]


class Prospects:
    """The chance that the added tests notice a mistake in a line.

    Note [Chance to notice]: a test that runs a line notices a mistake in the line with a certain
    chance. The chances were fitted to some hundred changes of `make mutants`. The chance is CHANCE
    if at most FEW functions run the line, and lower if more functions run it, because most of them
    only execute it. The chance is also lower for tests in another folder than the code (FAR), and
    for further cases of a function that already runs the line (SAME_FUNCTION). Each further test of
    a line has less value, because the test helps only if all earlier tests missed the mistake. A
    line of the bank's RULES counts as one, and other lines count as OTHER_CODE.
    """

    def __init__(self, lines: Mapping[str, Collection[Line]], functions: Mapping[str, str]) -> None:
        """Stores the lines of each test, and the name of each test's function."""
        self.lines, self.functions = lines, functions
        users = defaultdict[Line, set[str]](set)
        for test, found in lines.items():
            for line in found:
                users[line].add(functions[test])
        self.chance = {
            line: CHANCE * min(1, (FEW / len(names)) ** FLATNESS) for line, names in users.items()
        }
        self.missed = {line: 1.0 if RULES.search(line[0]) else OTHER_CODE for line in users}
        self.run_by = defaultdict[str, set[Line]](set)

    def chances(self, test: str) -> Iterator[tuple[Line, float]]:
        """Yields each line that the test runs, with its chance to notice a mistake in the line."""
        known = self.run_by[self.functions[test]]
        near = dict[str, bool]()
        for line in self.lines[test]:
            if line[0] not in near:
                near[line[0]] = is_near(line[0], test)
            same = SAME_FUNCTION if line in known else 1
            yield line, self.chance[line] * (1 if near[line[0]] else FAR) * same

    def worth(self, test: str) -> float:
        """Returns the number of additional mistakes that would be noticed with this test."""
        return sum(self.missed[line] * chance for line, chance in self.chances(test))

    def add(self, test: str) -> None:
        for line, chance in list(self.chances(test)):
            self.missed[line] *= 1 - chance
        self.run_by[self.functions[test]].update(self.lines[test])


def is_near(file: str, test: str) -> bool:
    """Returns whether the folder of the test and the folder of the code are the same, or one
    contains the other. `models` and `pages` do not count as folders of tests.
    """
    of_code = [part for part in PurePath(file).parent.parts if part not in {"models", "pages"}]
    of_test = PurePath(test.partition("::")[0]).parent.parts[1:]
    return all(one == other for one, other in zip(of_code, of_test, strict=False)) and of_test != ()


def best(
    prospects: Prospects, seconds: Mapping[str, float], chosen: Collection[str], budget: float
) -> list[str]:
    """Returns the tests to run in addition to the chosen tests, until the budget in seconds is
    spent. The test with the highest value per second is always next.
    """

    def rate(test: str) -> float:
        return prospects.worth(test) / max(seconds[test], 0.01)

    for test in sorted(chosen):
        prospects.add(test)
    heap = [(-rate(test), test) for test in sorted(seconds.keys() - set(chosen))]
    heapify(heap)
    found = list[str]()
    while heap:
        _, test = heappop(heap)
        now = -rate(test)  # lower than before if an added test runs the same lines
        if heap and now > heap[0][0]:
            heappush(heap, (now, test))
        elif now == 0 or (budget := budget - seconds[test]) < 0:
            break
        else:
            prospects.add(test)
            found.append(test)
    return found


def of_each_function(
    functions: Iterable[Collection[Line]],
    lines: Mapping[str, Collection[Line]],
    seconds: Mapping[str, float],
    chosen: Collection[str],
) -> list[str]:
    """Returns the fastest test of each function of the code that no chosen test runs. `functions`
    contains the lines of each function, and `lines` the lines of each test.
    """
    tests = defaultdict[Line, set[str]](set)
    for test, found in lines.items():
        for line in found:
            tests[line].add(test)
    added = list[str]()
    for body in functions:
        running = set[str]().union(*(tests[line] for line in body if line in tests))
        if running and running.isdisjoint([*chosen, *added]):
            added.append(min(running, key=lambda test: (seconds[test], test)))
    return added


def functions_of(path: str) -> Iterator[set[Line]]:
    """Yields the lines in the body of each function in a file."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.body[-1].end_lineno or node.body[-1].lineno
            yield {(path, number) for number in range(node.body[0].lineno, last + 1)}


def from_record(record: Record) -> dict[str, set[Line]]:
    """Returns the lines that each test runs."""
    lines: dict[str, set[Line]] = {test: set() for test in record.seconds}
    for path in sorted({file for part in record.parts for file in part.measured_files()}):
        its = str(Path(path).relative_to(record.root))
        for number, contexts in record.contexts(its).items():
            if "" not in contexts:
                for test in record.tests_in(contexts) & lines.keys():
                    lines[test].add((its, number))
    return lines


class Collected:
    """The tests of each function in the order of collection, and the fixtures that they share."""

    def __init__(self) -> None:
        self.cases = defaultdict[str, list[str]](list)
        self.sharing = defaultdict[str, set[str]](set)  # functions by file or folder

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            scopes, file, name = shared_scopes(item), key_of(item.path), name_of(item)
            self.cases[name].append(item.nodeid)
            if "package" in scopes:
                self.sharing[folder_of(file)].add(name)
            elif "module" in scopes:
                self.sharing[file].add(name)

    def shared_seconds(self, name: str, seconds: Mapping[str, float]) -> float:
        """Returns the seconds of the fixtures that this function shares with its file or folder."""
        file = name.partition("::")[0]
        if name in self.sharing.get(file, ()):
            return seconds.get(file, 0.0)
        if name not in self.sharing.get(folder_of(file), ()):
            return 0.0
        of_folder = (each for each in seconds if each.startswith(f"{folder_of(file)}/"))
        return max((seconds[each] for each in of_folder if "::" not in each), default=0.0)


def collected() -> Collected:
    """Collects all tests."""
    found = Collected()
    known = "-Wignore::pytest.PytestAssertRewriteWarning"  # this module has imported it
    if pytest.main(["--collect-only", "-qq", "--capture=sys", known], plugins=[found]):
        sys.exit("The tests cannot be collected.")
    return found


def main(source: Path, folder: Path) -> None:
    record, tests = Record(folder, ROOT), collected()
    durations = measured(source.read_text().splitlines(), tests.sharing)
    found = {name: seconds for seconds, name in durations}
    numbers = chosen_numbers(tests, from_record(record), found)
    FILE.write_text(
        "# Seconds of one case, see selection.py.\n"
        + "".join(
            listed(name, found.get(name, 0.0), numbers[name]) + "\n"
            for name in sorted({*found, *numbers})
        )
    )


def chosen_numbers(
    tests: Collected, lines: Mapping[str, Collection[Line]], found: Mapping[str, float]
) -> defaultdict[str, set[int]]:
    """Returns the cases of each function that run in addition to the cases that fit into its time.
    `lines` contains the lines of each test, and `found` the seconds of functions and of shared
    fixtures.
    """
    functions = {test: name for name, cases in tests.cases.items() for test in cases}
    shared = {name: tests.shared_seconds(name, found) for name in tests.cases}
    own = {name: max(found.get(name, 0.0), FAST) for name in tests.cases}
    quick = {
        cases[number]
        for name, cases in tests.cases.items()
        for number in chosen_cases(
            len(cases), found.get(name, 0.0) + shared[name], kept_cases(name), given_seconds(name)
        )
    }
    seconds = {test: own[functions[test]] + shared[functions[test]] for test in functions}
    known = lines.keys() & functions.keys()
    run = {test: lines[test] for test in known}
    kept = {test: seconds[test] for test in known if seconds[test] <= LONGEST_KEPT}
    files = sorted({line[0] for found in run.values() for line in found if RULES.search(line[0])})
    bodies = [body for file in files for body in functions_of(file)]
    needed = of_each_function(bodies, {test: run[test] for test in kept}, kept, quick)
    spent = sum(own[functions[test]] for test in {*quick, *needed})
    prospects = Prospects(run, functions)
    chosen = needed + best(prospects, kept, {*quick & known, *needed}, BUDGET - spent)
    numbers = defaultdict[str, set[int]](set)
    for test in chosen:
        numbers[functions[test]].add(tests.cases[functions[test]].index(test))
    return numbers


def listed(name: str, seconds: float, numbers: Collection[int]) -> str:
    """Returns a line of the list, with the numbers of the cases that run."""
    return f"{max(seconds, 0.01):.2f} {name} {','.join(map(str, sorted(numbers)))}".strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
