"""The selection of tests for `make test`, the parts of a divided run, and the list of slow
tests.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import selection
from tests.mutations.names import without_group
from tests.selection import SECONDS, chosen_cases, parts_of
from tests.slow_tests import (
    CHANCE,
    OTHER_CODE,
    Prospects,
    best,
    is_near,
    listed,
    measured,
    of_each_function,
)

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
3.00s setup    tests/c/test_two.py::test_first
2.00s setup    tests/d/test_two.py::test_first
0.20s call     tests/d/test_two.py::test_first
4.00s setup    tests/e/test_two.py::test_first
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


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "test_one.py").touch()
    selection.refuse_missing(["here", "here/test_one.py::test_a[b]"], tmp_path)
    with pytest.raises(pytest.UsageError, match=r"There is no nosuch and no here/else\.py"):
        selection.refuse_missing(["here", "nosuch", "here/else.py::test_a"], tmp_path)


def test_listed_cases_are_chosen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    line = selection.SlowTest.of_line("0.4", "1,3")
    monkeypatch.setattr(selection, "slow_tests", lambda: {"p/test_a.py::test_b": line})
    slow: list[int] = []
    items: list[Any] = [
        SimpleNamespace(
            path=Path("tests/p/test_a.py"),
            name="test_b",
            add_marker=lambda _mark, n=n: slow.append(n),
        )
        for n in range(5)
    ]

    selection.mark_slow_tests(items)

    assert slow == [0, 2, 4]
    assert listed("p/test_a.py::test_b", 0.4, {3, 1}) == "0.40 p/test_a.py::test_b 1,3"
    assert listed("p/test_a.py::test_b", 0.002, ()) == "0.01 p/test_a.py::test_b"


def test_workers_get_whole_groups(request: pytest.FixtureRequest) -> None:
    """Tests that the id of a test contains its group, from which xdist reads it."""
    is_in_groups = selection.is_in_groups(request.config)
    assert request.node.nodeid.endswith(f"@{request.path}") is is_in_groups


def test_a_long_file_of_a_package_has_a_worker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"p/test_long.py::test_a": 16.0, "p/test_short.py::test_a": 14.0}
    listed = {name: selection.SlowTest(each) for name, each in seconds.items()}
    monkeypatch.setattr(selection, "slow_tests", lambda: listed)
    monkeypatch.setattr(selection, "slow_fixtures", lambda: {"p/test_b.py": 10.0})
    monkeypatch.setattr(selection, "shared_scopes", lambda _item: {"package"})
    items: list[Any] = [
        SimpleNamespace(path=Path(f"tests/p/test_{name}.py"), name="test_a")
        for name in ("long", "short")
    ]

    long = selection.long_files(items)

    assert [selection.group_of(item, long) for item in items] == ["tests/p/test_long.py", "tests/p"]


@pytest.mark.parametrize(
    "name", ["tests/test_a.py::test_b", "tests/test_a.py::test_b[c@d.example]"]
)
def test_the_group_is_no_part_of_the_name_of_a_test(name: str) -> None:
    assert without_group(name) == without_group(f"{name}@tests/test_a.py") == name


def test_each_group_is_in_one_part_and_parts_take_the_same_time() -> None:
    seconds = {f"tests/test_{number}.py": float(number) for number in range(60)}
    parts = parts_of(seconds, 4)

    loads = [sum(seconds[each] for each in parts if parts[each] == part) for part in range(1, 5)]
    assert parts.keys() == seconds.keys()
    assert max(loads) - min(loads) <= max(seconds.values()) / 10


def test_durations_become_seconds_of_a_case_and_of_fixtures_that_tests_share() -> None:
    """Tests with the file d, which shares a fixture, and the file e, whose folder shares one."""
    found = measured(LINES.splitlines(), {"d/test_two.py", "e"})
    assert {name: seconds for seconds, name in found} == {
        "a/test_one.py::test_many": pytest.approx(1.2),
        "b/test_two.py": pytest.approx(9.0),
        "b/test_two.py::test_second": pytest.approx(0.6),
        "b/test_two.py::test_third": pytest.approx(0.1),
        "c/test_two.py::test_first": pytest.approx(3.0),
        "d/test_two.py": pytest.approx(2.0),
        "d/test_two.py::test_first": pytest.approx(0.2),
        "e/test_two.py": pytest.approx(4.0),
    }


def test_a_further_test_of_a_line_is_worth_less() -> None:
    line = ("api/views.py", 1)
    prospects = Prospects(
        {"tests/api/test_a.py::test_a": {line}, "tests/api/test_a.py::test_b": {line}},
        {"tests/api/test_a.py::test_a": "a", "tests/api/test_a.py::test_b": "b"},
    )
    assert prospects.worth("tests/api/test_a.py::test_a") == pytest.approx(CHANCE)
    prospects.add("tests/api/test_a.py::test_b")
    assert prospects.worth("tests/api/test_a.py::test_a") == pytest.approx(CHANCE * (1 - CHANCE))
    prospects.add("tests/api/test_a.py::test_a")
    assert prospects.missed[line] == pytest.approx((1 - CHANCE) ** 2)


def test_the_best_tests_fill_the_time() -> None:
    """Tests that the faster of two equal tests is added, and no test of lines that others already
    run.
    """
    rules = {("api/views.py", number) for number in range(10)}
    lines = {
        "tests/api/test_a.py::test_chosen": {("api/views.py", 99)},
        "tests/api/test_a.py::test_quick": rules,
        "tests/api/test_a.py::test_slow": rules,
        "tests/api/test_a.py::test_other_code": {("ledger/text.py", n) for n in range(10)},
        "tests/api/test_a.py::test_too_slow": {("api/models.py", n) for n in range(99)},
    }
    seconds = dict.fromkeys(lines, 0.1) | {
        "tests/api/test_a.py::test_slow": 0.3, "tests/api/test_a.py::test_too_slow": 5.0,
    }  # fmt: skip
    prospects = Prospects(lines, {test: test for test in lines})
    chosen = best(prospects, seconds, {"tests/api/test_a.py::test_chosen"}, 0.5)
    assert [test.partition("::")[2] for test in chosen] == ["test_quick", "test_slow"]
    assert OTHER_CODE < 1


def test_each_function_is_run_by_a_test() -> None:
    code = "api/views.py"
    bodies = [{(code, 1), (code, 2)}, {(code, 4)}, {(code, 6)}, {(code, 8)}]
    lines = {"slow": {(code, 2), (code, 6)}, "quick": {(code, 1)}, "chosen": {(code, 4)}}
    seconds = {"slow": 2.0, "quick": 1.0, "chosen": 0.1}
    assert of_each_function(bodies, lines, seconds, ["chosen"]) == ["quick", "slow"]


@pytest.mark.parametrize(
    ("file", "test", "near"),
    [
        ("transactions/payees/forms.py", "tests/transactions/payees/test_a.py::test", True),
        ("transactions/payees/forms.py", "tests/transactions/search/test_a.py::test", False),
        ("transactions/payees/forms.py", "tests/transactions/test_a.py::test", True),
        ("transactions/payees/models.py", "tests/transactions/payees/test_a.py::test", True),
        ("explorer/pages/editor.py", "tests/explorer/test_a.py::test", True),
        ("explorer/pages/editor.py", "tests/attacks/test_a.py::test", False),
        ("explorer/pages/editor.py", "tests/test_a.py::test", False),
    ],
)
def test_tests_of_the_feature_are_near(file: str, test: str, near: bool) -> None:
    assert is_near(file, test) is near


def test_every_name_in_the_lists_is_of_one_file_and_of_a_test_in_it() -> None:
    files = defaultdict[str, list[str]](list)
    for path in selection.FILE.parent.rglob("test_*.py"):
        files[selection.key_of(path)].append(path.read_text())
    names = {*selection.slow_tests(), *selection.KEPT, *selection.hidden_rules()}
    unknown = [
        name
        for name in names
        for file, _, function in [name.partition("::")]
        if len(files[file]) != 1
        or (function and not re.search(rf"def {function.split('[')[0]}\(", files[file][0]))
    ]

    assert unknown == []


LEFT_OUT = {"a/test_b.py::test_c": "a"}


@pytest.mark.parametrize(
    ("left_out", "given", "status"),
    [
        (LEFT_OUT, {}, pytest.ExitCode.OK),
        (LEFT_OUT, {"keyword": "mistyped"}, pytest.ExitCode.NO_TESTS_COLLECTED),
        (LEFT_OUT, {"--database-only": True}, pytest.ExitCode.NO_TESTS_COLLECTED),
        (LEFT_OUT, {"--at-most": 0.001}, pytest.ExitCode.NO_TESTS_COLLECTED),
        (LEFT_OUT, {"--part": (1, 8)}, pytest.ExitCode.NO_TESTS_COLLECTED),
        ({}, {}, pytest.ExitCode.NO_TESTS_COLLECTED),
    ],
    ids=["slow tests", "mistyped", "no database", "all longer", "empty part", "no tests"],
)
def test_a_run_of_slow_tests_only_succeeds_and_counts_them(
    left_out: dict[str, str], given: dict[str, Any], status: pytest.ExitCode
) -> None:
    """Tests the run of `make test TESTS=...` in which no fast test exists."""
    config = config_of(**given)
    config.stash[selection.LEFT_OUT].update(left_out)
    session: Any = SimpleNamespace(config=config, exitstatus=pytest.ExitCode.NO_TESTS_COLLECTED)
    lines: list[str] = []
    reporter: Any = SimpleNamespace(config=config, write_line=lines.append)

    selection.pytest_sessionfinish(session)
    selection.pytest_terminal_summary(reporter)

    assert session.exitstatus is status
    assert len(lines) == len(left_out)


def config_of(**given: Any) -> Any:
    """Returns the configuration of a `make test` run with these options."""
    stash = pytest.Stash()
    stash[selection.LEFT_OUT], stash[selection.COUNTS] = {}, {}
    stash[selection.WITHOUT_SLOW] = True
    hook = SimpleNamespace(pytest_deselected=lambda **_items: None)
    options = {"keyword": "", "--part": None, "--at-most": None, "--database-only": False, **given}
    return SimpleNamespace(stash=stash, hook=hook, option=None, getoption=options.__getitem__)


@pytest.fixture
def bank(db: None) -> None:
    """A fixture that uses the test database only through another fixture."""


@pytest.mark.django_db
def example_of_the_database() -> None: ...


def example_of_a_fixture(bank: None) -> None: ...


def example_without() -> None: ...


Chosen = Callable[..., set[str]]


@pytest.fixture
def chosen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Chosen:
    """Returns a function that returns the examples that a run with these options selects. The
    examples take one, two and three seconds.
    """
    functions = (example_of_the_database, example_of_a_fixture, example_without)
    names = [f"tests/test_selection.py::{function.__name__}" for function in functions]
    listed = {name: selection.SlowTest(seconds) for seconds, name in enumerate(names, start=1)}
    monkeypatch.setattr(selection, "slow_tests", lambda: listed)
    monkeypatch.setattr(selection, "LONG", 1)  # each in its group

    def chosen(**given: Any) -> set[str]:
        items: list[pytest.Item] = [
            pytest.Function.from_parent(request.node.parent, name=each.__name__, callobj=each)
            for each in functions
        ]
        for _ in selection.pytest_collection_modifyitems(config_of(**given), items):
            pass
        return {item.name.removeprefix("example_") for item in items}

    return chosen


def test_database_only_leaves_out_what_uses_no_test_database(chosen: Chosen) -> None:
    assert chosen() == {"of_the_database", "of_a_fixture", "without"}
    assert chosen(**{"--database-only": True}) == {"of_the_database", "of_a_fixture"}


def test_at_most_leaves_out_what_takes_longer(chosen: Chosen) -> None:
    assert chosen(**{"--at-most": 2.0}) == {"of_the_database", "of_a_fixture"}
    assert chosen(**{"--at-most": 0.5, "--database-only": True}) == set()


def test_the_parts_of_a_run_have_each_test_once(chosen: Chosen) -> None:
    parts = [chosen(**{"--part": (part, 2)}) for part in (1, 2)]
    assert all(parts)
    assert parts[0] | parts[1] == chosen()
    assert not parts[0] & parts[1]


@pytest.mark.parametrize("is_on", [True, False], ids=["with policies", "without"])
def test_rules_behind_policies_are_left_out_only_with_row_level_security(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    is_on: bool,
) -> None:
    file = "tests/test_selection.py"
    hidden = {f"{file}::example_without", f"{file}::example_of_the_database[a b]"}
    items = [
        pytest.Function.from_parent(
            request.node.parent, name=name, callobj=example_without, originalname=name.split("[")[0]
        )
        for name in (
            "example_without[one]",
            "example_of_the_database[a b]",
            "example_of_the_database[a c]",
        )
    ]
    monkeypatch.setattr(selection, "hidden_rules", lambda: hidden)
    settings.LEDGER_ROW_SECURITY = is_on

    for _ in selection.pytest_collection_modifyitems(config_of(), [*items]):
        pass

    skipped = [item.get_closest_marker("skip") is not None for item in items]
    assert skipped == [is_on, is_on, False]
