"""A pytest plugin that runs the tests of each change in a fork of one prepared process.

`-p tests.mutations.trying`, with the jobs as JSON in the file MUTANTS_JOBS, and the number of a
pipe in MUTANTS_RESULTS, to which it writes one line of JSON for each job. So the imports and the
test database are paid for once.

A change is noticed if a test fails with it and passes without it. If it fails without it too,
something is left over from before: the session ends, and the tool starts another.
"""

import json
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.urls import get_resolver

from tests.mutations.places import Mutation
from tests.mutations.swapping import caches_of, swap
from tests.mutations.tree import changed

Result = dict[str, Any]  # "noticed", "survived", "time", "fresh" or "unstable", and by what
ENDED = "the process ended"  # where a test is named that noticed a change
SECONDS_TO_TIDY = 30  # what fixtures may need to stop their servers


@dataclass
class TrialJob:
    """A change, and the tests to run. Without a change, the files are changed already."""

    number: int
    path: str
    change: Mutation | None
    tests: list[str]
    limit: float  # seconds


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Does the jobs, in place of running all collected tests."""
    if session.testsfailed:
        raise session.Interrupted("errors while collecting")
    jobs = json.loads(Path(os.environ["MUTANTS_JOBS"]).read_text())
    items = {item.nodeid: item for item in session.items}
    prepare(session)
    for each in jobs:
        change = each.pop("change")
        job = TrialJob(**each, change=change and Mutation(**change))
        result = attempt(session, items, job)
        line = json.dumps({"number": job.number, **result}) + "\n"
        os.write(int(os.environ["MUTANTS_RESULTS"]), line.encode())
        if "noticed" not in result and "survived" not in result and "fresh" not in result:
            break
    return True


def prepare(session: pytest.Session) -> None:
    """Makes the test database and imports all pages. Runs none of the tests: a browser that one
    has started would be of no use in a fork.
    """
    first = next((item for item in session.items if item.get_closest_marker("django_db")), None)
    if first is None:
        return

    def prepared(django_db_setup: None) -> None: ...

    package = next(node for node in first.listchain() if isinstance(node, pytest.Package))
    item = pytest.Function.from_parent(package, name="prepared", callobj=prepared)
    if has_failed(item, _Nothing(session)):
        raise session.Failed("The test database could not be made.")
    get_resolver().url_patterns  # noqa: B018
    connections.close_all()


def attempt(session: pytest.Session, items: dict[str, pytest.Item], job: TrialJob) -> Result:
    """Runs the tests of a job with its change; a test that fails also without it."""
    tests = [items[test] for test in job.tests if test in items]
    root = session.config.rootpath
    before = (root / job.path).read_text("utf-8")
    with changed(root, job.path, job.change) if job.change else nullcontext():

        def run() -> Result:
            if job.change and not swap(str(root / job.path), before, job.change.apply(before)):
                return {"fresh": True}
            for each in caches_of(root):
                each.cache_clear()
            return first_failure(session, tests)

        result = in_fork(run, job.limit)
    if job.change and result.get("noticed") == ENDED:
        return {"fresh": True}  # where it is run without the change too
    if job.change and result.get("noticed") in items:
        same = tests[: tests.index(items[result["noticed"]]) + 1]  # it may fail by those before it
        control = in_fork(lambda: first_failure(session, same), job.limit)
        if "survived" not in control:
            return {"unstable": result["noticed"]}
    return result


def first_failure(session: pytest.Session, tests: Sequence[pytest.Item]) -> Result:
    """Runs the tests until one fails, and returns which."""
    last = _Nothing(session)
    try:
        for item, following in zip(tests, [*tests[1:], last], strict=False):
            if has_failed(item, following):
                return {"noticed": item.nodeid}
        return {"survived": len(tests)}
    finally:
        with suppress(Exception):  # stops what fixtures of modules have started
            session._setupstate.teardown_exact(last)  # type: ignore[arg-type]


def has_failed(test: pytest.Item, following: Any) -> bool:
    """Runs a test and what belongs to it, and returns whether any part failed."""
    reports = _Reports()
    test.config.pluginmanager.register(reports)
    try:
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
    finally:
        test.config.pluginmanager.unregister(reports)
    return reports.failed


class _Reports:
    """Whether a part of a test failed."""

    failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed


class _Nothing:
    """In place of the next test, so that only what the whole session shares stays."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[pytest.Session]:
        """Returns the nodes whose fixtures are still needed."""
        return [self.session]


def in_fork(run: Callable[[], Result], limit: float) -> Result:
    """Returns what the function returns in a fork of this process, which has that many seconds."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        _answer(run, writing)
    os.close(writing)
    try:
        in_time = bool(select.select([reading], [], [], limit)[0])
        if not in_time:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGINT)
            select.select([reading], [], [], SECONDS_TO_TIDY)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # and what a test has started
    with os.fdopen(reading) as answers:
        answer = answers.read()
    os.waitpid(process, 0)
    if not in_time:
        return {"time": limit}
    result: dict[str, Any] = json.loads(answer) if answer else {"noticed": ENDED}
    if "error" in result:
        raise RuntimeError(result["error"])
    return result


def _answer(run: Callable[[], Result], writing: int) -> None:
    """Runs the function, writes its answer, and ends the process."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answer = run()
    except BaseException as error:  # noqa: BLE001
        answer = {"error": repr(error)}
    with suppress(BaseException):
        sys.stdout.flush()
    os.write(writing, json.dumps(answer).encode())
    os._exit(0)
