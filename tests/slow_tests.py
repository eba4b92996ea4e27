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
from pathlib import Path
from statistics import median

from tests.mutations.record import Record
from tests.selection import FAST, FILE, SECONDS

ROOT = FILE.parent.parent
DURATION = re.compile(r"(\d+\.\d+)s (setup|call|teardown) +(\S+/)?(\w+\.py)::([^[\s]+)(\[.*)?$")
SLOW_FIXTURE = 1.0  # seconds of a setup that the tests of a file are taken to share
LONGEST_KEPT = 2.0  # seconds of a case that may be the only one to run some code
LEAST = 20.0  # lines a second that such a case runs alone; a refusal and a function count as MANY
MANY = 10

Line = tuple[str, int]  # a file and a number


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
        file, _, function = test.partition("[")[0].partition("::")
        its = f"{file.rpartition('/')[2]}::{function.rpartition('::')[2]}"
        first.setdefault(its, test)
    name_of_first = {test: name for name, test in first.items()}
    lines: dict[str, set[Line]] = {name: set() for name in first}
    for path in sorted({file for part in record.parts for file in part.measured_files()}):
        its = str(Path(path).relative_to(record.root))
        for number, contexts in record.contexts(its).items():
            if "" not in contexts:
                for test in record.tests_in(contexts) & name_of_first.keys():
                    lines[name_of_first[test]].add((its, number))
    return lines, {name: record.seconds[test] for name, test in first.items()}


def main(source: Path, folder: Path) -> None:
    found = {name: seconds for seconds, name in measured(source.read_text().splitlines())}
    lines, seconds = from_record(Record(folder, ROOT))
    known = {name: found.get(name, found.get(name.partition("::")[0], 0.0)) for name in lines}
    cost = {name: known[name] or seconds[name] for name in lines}
    quick = {name: each for name, each in lines.items() if cost[name] <= LONGEST_KEPT}
    fast = {name for name in quick if known[name] <= SECONDS}
    worth = {
        (file, number): worth
        for file in {file for each in lines.values() for file, _ in each}
        for number, worth in worth_of_lines((ROOT / file).read_text()).items()
    }
    only = only_ones(quick, cost, fast, worth)
    listed = {**{name: known[name] for name in only}, **found}
    texts = [
        f"{max(listed[name], 0.01):.2f} {name} {only[name][0] if name in only else ''}".strip()
        for name in sorted(listed)
    ]
    FILE.write_text("# Seconds of one case, see selection.py.\n" + "\n".join(texts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
