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
from tests.selection import FAST, FILE, SECONDS, key_of, name_of, shared_scopes

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


def from_record(record: Record) -> tuple[dict[str, set[Line]], dict[str, float]]:
    """Returns the lines that the first case of each test function runs, and its seconds."""
    first = dict[str, str]()
    for test in record.seconds:
        first.setdefault(name_in_list(test), test)
    name_of_first = {test: name for name, test in first.items()}
    lines: dict[str, set[Line]] = {name: set() for name in first}
    for path in sorted({file for part in record.parts for file in part.measured_files()}):
        its = str(Path(path).relative_to(record.root))
        for number, contexts in record.contexts(its).items():
            if "" not in contexts:
                for test in record.tests_in(contexts) & name_of_first.keys():
                    lines[name_of_first[test]].add((its, number))
    return lines, {name: record.seconds[test] for name, test in first.items()}


def name_in_list(test: str) -> str:
    """Returns the name, in slow_tests.txt, of the function of this test."""
    file, _, function = test.partition("[")[0].partition("::")
    return f"{key_of(PurePath(file))}::{function.rpartition('::')[2]}"


class Sharing:
    """The names of the tests that share a fixture, by the file or folder that shares it."""

    def __init__(self) -> None:
        self.tests = defaultdict[str, set[str]](set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            scopes, file = shared_scopes(item), key_of(item.path)
            if "package" in scopes:
                self.tests[folder_of(file)].add(name_of(item))
            elif "module" in scopes:
                self.tests[file].add(name_of(item))


def collected() -> Mapping[str, set[str]]:
    """Collects all tests; returns which share a fixture, by file or folder."""
    sharing = Sharing()
    known = "-Wignore::pytest.PytestAssertRewriteWarning"  # this module has imported it
    if pytest.main(["--collect-only", "-qq", "--capture=sys", known], plugins=[sharing]):
        sys.exit("The tests cannot be collected.")
    return sharing.tests


def main(source: Path, folder: Path) -> None:
    record = Record(folder, ROOT)
    lines, seconds = from_record(record)
    sharing = collected()
    shared = set[str]().union(*sharing.values())
    durations = measured(source.read_text().splitlines(), sharing)
    found = {name: seconds for seconds, name in durations}
    known = {
        name: found.get(name, 0.0)
        + (found.get(name.partition("::")[0], 0.0) if name in shared else 0)
        for name in lines
    }
    cost = {name: known[name] or seconds[name] for name in lines}
    quick = {name: each for name, each in lines.items() if cost[name] <= LONGEST_KEPT}
    fast = {name for name in quick if known[name] <= SECONDS}
    worth = {
        (file, number): worth
        for file in {file for each in lines.values() for file, _ in each}
        for number, worth in worth_of_lines((ROOT / file).read_text()).items()
    }
    only = only_ones(quick, cost, fast, worth)
    listed = {**{name: found.get(name, 0.0) for name in only}, **found}
    texts = [
        f"{max(listed[name], 0.01):.2f} {name} {only[name][0] if name in only else ''}".strip()
        for name in sorted(listed)
    ]
    FILE.write_text("# Seconds of one case, see selection.py.\n" + "\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
