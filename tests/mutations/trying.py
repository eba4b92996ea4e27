"""A pytest plugin that runs the tests of each change in a fork of one prepared process.

Use `-p tests.mutations.trying`, with the jobs as JSON in the file MUTANTS_JOBS, and the number of a
pipe in MUTANTS_RESULTS. The plugin writes one line of JSON for each job to the pipe. So imports and
the test database are needed only once.

A change is noticed if a test fails with the change and passes without it. If the test fails without
the change too, an earlier job has left something behind: the session ends, and the tool starts
another session.
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

Result = dict[str, Any]  # noticed, survived, time, fresh or unstable, with the test or limit
ENDED = "the process ended"  # in place of the test that noticed a change
SECONDS_TO_TIDY = 30  # time for fixtures to stop their servers


@dataclass
class TrialJob:
    """A change, and the tests to run. Without a change, the files have been changed before."""

    number: int
    path: str
    change: Mutation | None
    tests: list[str]
    limit: float  # seconds


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Runs the jobs instead of all collected tests."""
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
    """Creates the test database and imports all pages. Runs no tests, because a browser that a test
    starts would not work in a fork.
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
    """Runs the tests of a job with its change, and returns the result. Runs a failing test again
    without the change.
    """
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
        return {"fresh": True}  # a new process also runs it without the change
    if job.change and result.get("noticed") in items:
        same = tests[: tests.index(items[result["noticed"]]) + 1]  # with the tests before it
        control = in_fork(lambda: first_failure(session, same), job.limit)
        if "survived" not in control:
            return {"unstable": result["noticed"]}
    return result


def first_failure(session: pytest.Session, tests: Sequence[pytest.Item]) -> Result:
    """Runs the tests until one fails, and returns the failing test."""
    last = _Nothing(session)
    try:
        for item, following in zip(tests, [*tests[1:], last], strict=False):
            if has_failed(item, following):
                return {"noticed": item.nodeid}
        return {"survived": len(tests)}
    finally:
        with suppress(Exception):  # stops the servers of module fixtures
            session._setupstate.teardown_exact(last)  # type: ignore[arg-type]


def has_failed(test: pytest.Item, following: Any) -> bool:
    """Runs a test with its setup and teardown, and returns whether any part failed."""
    reports = _Reports()
    test.config.pluginmanager.register(reports)
    try:
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
    finally:
        test.config.pluginmanager.unregister(reports)
    return reports.failed


class _Reports:
    """A plugin that records whether a part of a test failed."""

    failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed


class _Nothing:
    """A replacement for the next test. Only fixtures of the whole session stay."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[pytest.Session]:
        """Returns the nodes whose fixtures are still needed."""
        return [self.session]


def in_fork(run: Callable[[], Result], limit: float) -> Result:
    """Returns the result of the function in a fork of this process. `limit` is the time limit in
    seconds.
    """
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
            os.killpg(process, signal.SIGKILL)  # also kills processes that a test has started
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
    """Runs the function, writes its result, and ends the process."""
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
