"""Which tests `make test` runs, in which parts a run is divided, and the list of slow tests."""

from collections import defaultdict

import pytest

from tests import selection
from tests.selection import SECONDS, chosen_cases, measured, only_ones, parts_of

LINES = """
0.30s setup    tests/a/test_one.py::test_many[1]
0.90s call     tests/a/test_one.py::test_many[1]
0.30s setup    tests/a/test_one.py::test_many[2]
0.90s call     tests/a/test_one.py::test_many[2]
0.01s call     tests/a/test_one.py::test_quick
9.00s setup    tests/b/test_two.py::test_first
0.10s setup    tests/b/test_two.py::test_second
0.10s setup    tests/b/test_two.py::test_third
0.50s call     tests/b/test_two.py::test_second
"""


@pytest.mark.parametrize(
    ("number", "seconds", "kept", "chosen"),
    [
        (5, 0, 0, {0, 1, 2, 3, 4}),
        (10, 0.4 * SECONDS, 0, {0, 5}),
        (3, 0.1 * SECONDS, 0, {0, 1, 2}),
        (1, 7.0, 0, set()),
        (4, 7.0, 2, {0, 2}),
    ],
    ids=["fast", "some cases", "all fit", "too slow", "kept"],
)
def test_the_cases_that_fit_are_chosen_evenly(
    number: int, seconds: float, kept: int, chosen: set[int]
) -> None:
    assert chosen_cases(number, seconds, kept) == chosen


def test_each_group_is_in_one_part_and_parts_take_the_same_time() -> None:
    seconds = {f"tests/test_{number}.py": float(number) for number in range(60)}
    parts = parts_of(seconds, 4)

    loads = [sum(seconds[each] for each in parts if parts[each] == part) for part in range(1, 5)]
    assert parts.keys() == seconds.keys()
    assert max(loads) - min(loads) <= max(seconds.values()) / 10


def test_durations_become_seconds_of_a_case_and_of_files_with_slow_fixtures() -> None:
    assert {name: seconds for seconds, name in measured(LINES.splitlines())} == {
        "test_one.py::test_many": pytest.approx(1.2),
        "test_two.py": pytest.approx(9.0),
    }


def test_of_tests_too_slow_those_run_that_alone_run_a_line() -> None:
    lines = {"quick": {1, 2}, "slow": {2, 3}, "slower": {3}, "slowest": {1, 4}, "in vain": {1, 2}}
    seconds = {"quick": 0.01, "slow": 0.5, "slower": 1.0, "slowest": 2.0, "in vain": 0.2}
    assert only_ones(lines, seconds, {"quick"}) == {"slow": 3, "slowest": 4}


def test_every_name_in_the_lists_is_of_a_test() -> None:
    files = defaultdict[str, str](str)
    for path in selection.FILE.parent.rglob("test_*.py"):
        files[path.name] += path.read_text()
    unknown = [
        name
        for name in {*selection.slow_tests(), *selection.KEPT, *selection.hidden_rules()}
        for file, _, function in [name.partition("::")]
        if file not in files or f"def {function}" not in files[file]
    ]

    assert unknown == []
