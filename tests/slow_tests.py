"""Makes `tests/slow_tests.txt`, by which `tests/selection.py` chooses the tests of `make test`.

From the durations of a whole run, and from a record of which test runs which lines:

    make test-all TESTS=--durations=0 > measured.txt
    mkdir record && MUTANTS_RECORD=record make test-all TESTS="-p tests.mutations.recording"
    .venv/bin/python -m tests.slow_tests measured.txt record
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from statistics import median

import pytest

from tests.mutations.record import Record
from tests.selection import (
    FAST,
    FILE,
    SECONDS,
    chosen_cases,
    kept_cases,
    key_of,
    name_of,
    shared_scopes,
)

ROOT = FILE.parent.parent
DURATION = re.compile(r"(\d+\.\d+)s (setup|call|teardown) +(\S+?\.py)::([^[\s]+)(\[.*)?$")
SLOW_FIXTURE = 1.0  # seconds of a setup that is not of one test, if most of its file take less
LONGEST_KEPT = 2.0  # seconds of a case that may be the only one to run some code
LEAST = 20.0  # lines a second that such a case runs alone; a refusal and a function count as MANY
MANY = 10

Line = tuple[str, int]  # a file and a number


def measured(lines: Iterable[str], sharing: Collection[str]) -> Iterator[tuple[float, str]]:
    """Reads pytest's list of durations; returns seconds and names for slow_tests.txt. The tests of
    the files and folders `sharing` share fixtures.
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


def worth_of_lines(source: str) -> dict[int, int]:
    """Returns how many lines a line counts as, if not one: a refusal is a rule that some test must
    break, and the first line of a function says that a test calls it.
    """
    found = dict[int, int]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            documented = ast.get_docstring(node) is not None and len(node.body) > 1
            found[node.body[documented].lineno] = MANY
        elif isinstance(node, ast.Raise) or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "add_error"
        ):
            found[node.lineno] = MANY
    return found


def only_ones(
    lines: Mapping[str, Collection[Line]],
    seconds: Mapping[str, float],
    chosen: Collection[str],
    worth: Mapping[Line, int],
) -> dict[str, Line]:
    """Returns which further tests to run so that lines run, and for each of them a line that no
    other one runs: greedily, what is worth most in a second first, as long as it is worth LEAST.
    """

    def worth_a_second(test: str) -> float:
        return sum(worth.get(line, 1) for line in rest[test]) / max(seconds[test], FAST)

    missing = set[Line]().union(*lines.values())
    missing.difference_update(*(lines[test] for test in chosen))
    rest = {test: missing.intersection(lines[test]) for test in lines.keys() - set(chosen)}
    found = dict[str, Line]()
    while rest := {test: each for test, each in rest.items() if each}:
        best = max(sorted(rest), key=worth_a_second)
        if worth_a_second(best) < LEAST:
            break
        found[best] = min(rest[best])
        news = rest.pop(best)
        rest = {test: each - news for test, each in rest.items()}
    return found


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
    """The tests of each function in the order in which they are collected, and what they share."""

    def __init__(self) -> None:
        self.cases = defaultdict[str, list[str]](list)
        self.sharing = defaultdict[str, set[str]](set)  # functions, by the file or folder

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            scopes, file, name = shared_scopes(item), key_of(item.path), name_of(item)
            self.cases[name].append(item.nodeid)
            if "package" in scopes:
                self.sharing[folder_of(file)].add(name)
            elif "module" in scopes:
                self.sharing[file].add(name)

    def shared_seconds(self, name: str, seconds: Mapping[str, float]) -> float:
        """Returns the seconds of what this function shares with its file or its folder."""
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
    lines = from_record(record)
    found = {
        name: seconds for seconds, name in measured(source.read_text().splitlines(), tests.sharing)
    }
    name_of_test = {test: name for name, cases in tests.cases.items() for test in cases}
    lines = {test: each for test, each in lines.items() if test in name_of_test}
    shared = {name: tests.shared_seconds(name, found) for name in tests.cases}
    cost = {test: record.seconds[test] + shared[name_of_test[test]] for test in lines}
    quick = {test: each for test, each in lines.items() if cost[test] <= LONGEST_KEPT}
    fast = {
        cases[number]
        for name, cases in tests.cases.items()
        for number in chosen_cases(
            len(cases), found.get(name, 0.0) + shared[name], kept_cases(name)
        )
    }
    worth = {
        (file, number): worth
        for file in {file for each in lines.values() for file, _ in each}
        for number, worth in worth_of_lines((ROOT / file).read_text()).items()
    }
    chosen = only_ones(quick, cost, fast & quick.keys(), worth)
    only = defaultdict[str, dict[int, str]](dict)
    for test, (file, _) in chosen.items():
        name = name_of_test[test]
        only[name][tests.cases[name].index(test)] = file
    texts = [
        f"{max(found.get(name, 0.0), 0.01):.2f} {name} {listed(only[name])}".strip()
        for name in sorted({*found, *only})
    ]
    FILE.write_text("# Seconds of one case, see selection.py.\n" + "\n".join(texts) + "\n")


def listed(files: Mapping[int, str]) -> str:
    """Returns the end of a line: the numbers of cases, and the file of the first."""
    return f"{','.join(map(str, sorted(files)))} {files[min(files)]}" if files else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
