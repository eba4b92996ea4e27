"""Selects the tests of `make test`, the groups of tests that share a worker, and the parts of a
divided run.

`tests/slow_tests.txt` contains the measured seconds of one case of each slow test function, and of
the fixtures that the tests of a file or folder share. `make test` gives each function SECONDS, or
SECONDS_OF_MONEY. If all cases of a function take longer, `make test` runs evenly spaced cases that
fit. The numbers at the end of a line are cases (from 0 on) that also run, because they are likely
to notice a mistake.

A new test needs no entry: every test runs unless the list or a slow fixture makes it slow. The list
contains a file with its folder only, so a folder may move. `tests/slow_tests.py` creates the list.
`tests/behind_policies.txt` contains the tests and cases of rules that row-level security hides.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any, Self

import pytest
from django.conf import settings

from tests.mutations.names import without_group

FILE = Path(__file__).with_name("slow_tests.txt")
HIDDEN_RULES = Path(__file__).with_name("behind_policies.txt")
BEHIND_POLICIES = "fails with row-level security, see tests/behind_policies.txt"
SECONDS = 0.01
# Folders of tests for booking money. More of these tests run.
MONEY, SECONDS_OF_MONEY = ("posting", "approved_files"), 0.12
FAST = 0.005  # seconds of a test that is not in the list
LONG = 5.0  # seconds; a longer test may run on any free worker

# Slow tests, with a number of cases, that `make test` runs anyway, because no fast test proves the
# same.
KEPT = {
    # These tests notice any change of a field, an address or a status of the API, of a page, a
    # number or a model.
    "api/test_schema.py::test_the_schema_is_that_of_the_code": 1,
    "attacks/test_each_page.py::test_each_page_is_whole": 1,
    "reports/test_figures_of_pages.py::test_every_figure_is_as_it_was": 1,
    "migrating/test_models.py::test_the_models_are_those_of_the_migrations": 1,
    # These tests check that a payment that is sent twice is paid once, and that the response
    # contains this fact.
    "api/test_payments.py::test_the_same_key_pays_once_and_answers_the_same": 1,
    # Rules of the database are SQL, so the executed lines of Python do not select tests for them.
    "cookbook/test_practice.py::test_every_rule_of_the_real_books_is_there_as_it_is": 1,
    "rules/test_every_rule.py::test_every_rule_outside_the_books_has_an_attempt": 1,
    "rules/test_every_rule.py::test_each_rule_refuses_its_attempt": 1,
    "rules/test_every_rule.py::test_a_rule_behind_another_refuses_without_that": 1,
    # Tests in a browser.
    "browser/test_features.py::test_a_payment_is_reviewed_sent_searched_and_noted": 1,
}

LEFT_OUT = pytest.StashKey[dict[str, str]]()  # names of functions, and their folders
GROUP = pytest.StashKey[str]()
WITHOUT_SLOW = pytest.StashKey[bool]()
COUNTS = pytest.StashKey[dict[str, int]]()
KEY = "left out"
CHOOSING = ("keyword", "--part", "--at-most", "--database-only")  # options
PART = re.compile(r"([1-9]\d*)/([1-9]\d*)")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", type=_part, metavar="K/N", help="run the K-th of N parts")
    parser.addoption(
        "--at-most",
        type=float,
        metavar="SECONDS",
        help="leave out tests that take longer, without the fixtures that they share",
    )
    parser.addoption(
        "--database-only", action="store_true", help="leave out tests that use no test database"
    )


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> list[pytest.Item] | None:
    """Creates no cases of a function that `-m "not slow"` excludes. This halves the time of the
    collection.
    """
    config = collector.config
    if not (config.stash[WITHOUT_SLOW] and name.startswith("test_") and callable(obj)):
        return None
    test = f"{key_of(collector.path)}::{name}"
    if own_seconds(test) <= given_seconds(test) or kept_cases(test) or listed_cases(test):
        return None
    note_left_out(config, collector.path, test)
    return []


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Marks tests before -m and -k select from them, and then divides the selected tests."""
    mark_slow_tests(items)
    if settings.LEDGER_ROW_SECURITY:
        skip_hidden_rules(items)
    without_slow = config.stash[WITHOUT_SLOW]
    long = long_files(it for it in items if not (without_slow and it.get_closest_marker("slow")))
    for item in items:
        item.stash[GROUP] = group_of(item, long)
        item.add_marker(pytest.mark.xdist_group(item.stash[GROUP]))
    yield
    if config.getoption("--database-only"):
        leave_out(config, items, [item for item in items if not uses_database(item)])
    if most := config.getoption("--at-most"):
        leave_out(config, items, [item for item in items if own_seconds(name_of(item)) > most])
    seconds = dict[str, float]()
    for item in items:
        group = item.stash[GROUP]
        before = seconds.get(group) or shared_seconds(item)
        seconds[group] = before + (own_seconds(name_of(item)) or FAST)
    if part := config.getoption("--part"):
        parts = parts_of(seconds, part[1])
        leave_out(config, items, [item for item in items if parts[item.stash[GROUP]] != part[0]])
    if is_in_groups(config):  # no worker starts a long group at the end
        items.sort(key=lambda item: -seconds[item.stash[GROUP]])


def is_in_groups(config: pytest.Config) -> bool:
    """Returns whether this process is a worker of a run with `--dist loadgroup`."""
    return bool(getattr(config.option, "loadgroup", False))


def leave_out(config: pytest.Config, items: list[pytest.Item], others: list[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=others)
    gone = set(others)
    items[:] = [item for item in items if item not in gone]


def uses_database(item: pytest.Item) -> bool:
    """Returns whether another server or connection may change the result of the test."""
    names = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or "django_db_setup" in names


def parts_of(seconds: Mapping[str, float], number: int) -> dict[str, int]:
    """Divides groups into `number` parts of about the same time, and returns a dict from group to
    part (from 1). The longest group is first, and each group goes to the part with the least time.
    """
    parts, loads = dict[str, int](), dict.fromkeys(range(1, number + 1), 0.0)
    for group in sorted(seconds, key=lambda each: (-seconds[each], each)):
        parts[group] = min(loads, key=lambda part: (loads[part], part))
        loads[parts[group]] += seconds[group]
    return parts


def mark_slow_tests(items: Iterable[pytest.Item]) -> None:
    """Marks the tests and cases that do not fit into the time of `make test` as slow."""
    cases = defaultdict[str, list[pytest.Item]](list)
    for item in items:
        cases[name_of(item)].append(item)
    for name, found in cases.items():
        given = given_seconds(name)
        chosen = chosen_cases(len(found), seconds_of(found[0]), kept_cases(name), given)
        chosen |= listed_cases(name)
        for number, item in enumerate(found):
            if number not in chosen:
                item.add_marker(pytest.mark.slow)


def skip_hidden_rules(items: Iterable[pytest.Item]) -> None:
    """Skips tests of rules that row-level security hides."""
    for item in items:
        if not hidden_rules().isdisjoint({name_of(item), f"{key_of(item.path)}::{item.name}"}):
            item.add_marker(pytest.mark.skip(reason=BEHIND_POLICIES))


@cache
def hidden_rules() -> frozenset[str]:
    return frozenset(lines_of(HIDDEN_RULES))


def given_seconds(name: str) -> float:
    """Returns the time in seconds that `make test` gives to all cases of a function."""
    return SECONDS_OF_MONEY if name.partition("/")[0] in MONEY else SECONDS


def chosen_cases(number: int, seconds: float, kept: int = 0, given: float = SECONDS) -> set[int]:
    """Returns the numbers of the cases that `make test` runs. The cases are evenly spaced and fit
    into the time `given`. There are at least `kept` cases.
    """
    most = max(kept, int(given // seconds)) if seconds else number
    if most >= number:
        return set(range(number))
    return {case * number // most for case in range(most)}


def kept_cases(name: str) -> int:
    """Returns the number of cases of a function that run even if they are slow."""
    return KEPT.get(name, 0)


def listed_cases(name: str) -> Set[int]:
    """Returns the cases of a function that run because they are likely to notice a mistake."""
    return slow_tests()[name].cases if name in slow_tests() else frozenset()


def name_of(item: pytest.Item) -> str:
    """Returns the name of the function, with its file and the file's folder."""
    return f"{key_of(item.path)}::{getattr(item, 'originalname', item.name)}"


def key_of(path: PurePath) -> str:
    return "/".join(path.parts[-2:])


@dataclass(frozen=True)
class SlowTest:
    """A line of slow_tests.txt."""

    seconds: float
    cases: frozenset[int] = frozenset()

    @classmethod
    def of_line(cls, seconds: str, cases: str = "") -> Self:
        return cls(float(seconds), frozenset(map(int, cases.split(",") if cases else ())))


def seconds_of(item: pytest.Item) -> float:
    """Returns the measured seconds of a case, including the fixtures that it shares with other
    tests.
    """
    return own_seconds(name_of(item)) + shared_seconds(item)


def own_seconds(name: str) -> float:
    """Returns the measured seconds of one case without shared fixtures, or 0 for a fast test."""
    return slow_tests()[name].seconds if name in slow_tests() else 0


def shared_seconds(item: pytest.Item) -> float:
    """Returns the measured seconds of the fixtures that a test shares with its file or folder."""
    scopes, key = shared_scopes(item), key_of(item.path)
    if "package" in scopes:  # the first file that ran has built the fixture
        folder = f"{item.path.parent.name}/"
        return max(
            (found for file, found in slow_fixtures().items() if file.startswith(folder)), default=0
        )
    return slow_fixtures().get(key, 0) if "module" in scopes else 0


def shared_scopes(item: pytest.Item) -> set[str]:
    """Returns the scopes of the fixtures that a test uses."""
    names = set(getattr(item, "fixturenames", ()))
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs if names else {}  # noqa: B009
    return {each[-1].scope for name, each in definitions.items() if name in names and each}


@cache
def slow_fixtures() -> Mapping[str, float]:
    """Returns the entries of whole files."""
    return {name: test.seconds for name, test in slow_tests().items() if "::" not in name}


@cache
def slow_tests() -> Mapping[str, SlowTest]:
    lines = map(str.split, lines_of(FILE))
    return {name: SlowTest.of_line(seconds, *only) for seconds, name, *only in lines}


def lines_of(file: Path) -> list[str]:
    """Returns the lines of a list, without its comments."""
    return [line for line in file.read_text().splitlines() if not line.startswith("#")]


def long_files(items: Iterable[pytest.Item]) -> set[Path]:
    """Returns the files whose tests take at least half as long again as the fixtures of their
    package. Such a file may run on a separate worker, which builds the fixtures again.
    """
    seconds = defaultdict[Path, float](float)
    shared = dict[Path, float]()
    for item in items:
        if "package" in shared_scopes(item):
            seconds[item.path] += own_seconds(name_of(item))
            shared[item.path] = shared_seconds(item)
    return {path for path in seconds if seconds[path] > 1.5 * shared[path]}


def group_of(item: pytest.Item, long: Collection[Path] = ()) -> str:
    """Returns the group of a test. All tests of a group share a fixture and run on one worker."""
    scopes = shared_scopes(item)
    if "package" in scopes:
        return str(item.path if item.path in long else item.path.parent)
    if "module" not in scopes and own_seconds(name_of(item)) >= LONG:
        return item.nodeid.replace("[", "(").replace("]", ")")  # see without_group()
    return str(item.path)


class NamesInReports:
    """A plugin for the process that prints. The plugin removes the groups from the names of tests,
    so that pytest accepts these names as arguments.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        report.nodeid = without_group(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Passes the counts of excluded tests to the process that prints the summary. A run without
    tests succeeds if it excluded slow tests and no other option selected tests.
    """
    config = session.config
    found = dict(Counter(config.stash[LEFT_OUT].values()))
    if found:  # in a worker, or without workers
        getattr(config, "workeroutput", {})[KEY] = config.stash[COUNTS] = found
    has_none = session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
    if has_none and config.stash[COUNTS] and not any(map(config.getoption, CHOOSING)):
        session.exitstatus = pytest.ExitCode.OK


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Reads the counts of excluded tests from a worker of xdist."""
    node.config.stash[COUNTS] = getattr(node, "workeroutput", {}).get(KEY, {})


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if item.config.stash[WITHOUT_SLOW] and item.get_closest_marker("slow"):
            note_left_out(item.config, item.path, name_of(item))


def note_left_out(config: pytest.Config, path: Path, name: str) -> None:
    config.stash[LEFT_OUT][name] = path.relative_to(FILE.parent).parts[0]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT], config.stash[COUNTS] = {}, {}
    if not hasattr(config, "workerinput"):
        refuse_missing(config.args, config.invocation_params.dir)
        config.pluginmanager.register(NamesInReports())
    config.stash[WITHOUT_SLOW] = "not slow" in config.getoption("markexpr").split(" and ")


def refuse_missing(arguments: Sequence[str], folder: Path) -> None:
    """Raises UsageError for files and folders in the arguments that do not exist. Without this
    check, the workers of xdist would only find no tests.
    """
    paths = [argument.partition("::")[0] for argument in arguments]
    if missing := [path for path in paths if not (folder / path).exists()]:
        raise pytest.UsageError(
            f"There is no {' and no '.join(missing)}. Name a folder or a file of tests, such as "
            "TESTS=tests/accounts."
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = terminalreporter.config.stash[COUNTS]
    if counts:
        folders = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
        terminalreporter.write_line(
            f"Left out: {sum(counts.values())} slow test functions, or cases of them ({folders})."
            " make test-all runs them, also with TESTS."
        )


def _part(text: str) -> tuple[int, int]:
    found = PART.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ValueError(text)
    return int(found[1]), int(found[2])
