"""Runs the tests of each change, in as few pytest processes as possible."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.mutations.choosing import Chosen
from tests.mutations.places import Mutation
from tests.mutations.record import Record
from tests.mutations.tree import changed, environment
from tests.mutations.trying import ENDED

Result = dict[str, Any]  # the result of a job of `trying`
# A trial is ended if its tests take many times as long as recorded, because they probably hang.
SECONDS_TO_START = 60
TIMES_AS_LONG = 5
NO_START = "pytest, which could not start"


@dataclass(frozen=True)
class TrialOutcome:
    """The result of a change: noticed, survived, or not run by any test."""

    path: str
    change: Mutation
    verdict: str
    detail: str


@dataclass(frozen=True)
class Trial:
    """A change, and the tests that may notice it."""

    number: int
    path: str
    change: Mutation
    tests: list[str]
    limit: float
    of: int  # number of tests that run the line
    is_fresh: bool  # whether the change needs a new process

    def outcome(self, verdict: str, detail: str) -> TrialOutcome:
        """Returns the outcome of this trial."""
        return TrialOutcome(self.path, self.change, verdict, detail)

    def without(self, test: str) -> "Trial":
        """Returns this trial without one of its tests."""
        return replace(self, tests=[each for each in self.tests if each != test])


def outcomes(
    tree: Path, folder: Path, record: Record, chosen: Sequence[Chosen], seconds: float
) -> Iterator[TrialOutcome]:
    """Tries each change and yields its outcome. Changes that need no new process come first."""
    trials = [
        _trial(number, path, change, record, seconds)
        for number, (path, change) in enumerate(chosen)
    ]
    yield from (trial.outcome("not run", "by these tests") for trial in trials if not trial.tests)
    forks = [trial for trial in trials if trial.tests and not trial.is_fresh]
    fresh = [trial for trial in trials if trial.tests and trial.is_fresh]
    runner = Runner(tree, folder)
    were_unstable = set[int]()
    while forks:
        left = {trial.number: trial for trial in forks}
        has_result = False
        for result in runner.results(forks):
            trial = left.pop(result["number"])
            has_result = True
            # A value from before the change may be in memory, so the change is tried in a new
            # process.
            if "fresh" in result or "survived" in result:
                fresh.append(trial)
            elif "unstable" in result and trial.number in were_unstable:
                left[trial.number] = trial.without(result["unstable"])
            elif "unstable" in result:  # caused by the test, or by the rest of an earlier change
                were_unstable.add(trial.number)
                left[trial.number] = trial
            else:
                yield _outcome(trial, result)
        if not has_result:
            raise RuntimeError(f"pytest ended without a result; see {runner.log}")
        forks = list(left.values())
    while fresh:
        results = [(trial, runner.alone(trial)) for trial in fresh]
        fails_anyway = runner.failing_anyway(results)
        for trial, result in results:
            if trial.number not in fails_anyway:
                yield _outcome(trial, result)
        fresh = [trial.without(result["noticed"]) for trial, result in results
                 if trial.number in fails_anyway]  # fmt: skip


def _trial(number: int, path: str, change: Mutation, record: Record, seconds: float) -> Trial:
    """Returns a trial with as many tests as fit into these seconds, at least one test."""
    candidates = record.candidates(path, change)
    taken: list[str] = []
    total = 0.0
    for test in candidates.tests:
        total += record.seconds[test]
        if taken and total > seconds:
            break
        taken.append(test)
    limit = SECONDS_TO_START + TIMES_AS_LONG * sum(record.seconds[test] for test in taken)
    return Trial(
        number, path, change, taken, limit, len(candidates.tests), is_fresh=candidates.is_fresh
    )


def _outcome(trial: Trial, result: Result) -> TrialOutcome:
    if "time" in result:
        return trial.outcome("noticed", f"by the limit of {result['time']:.0f} s")
    if "noticed" in result:
        return trial.outcome("noticed", f"by {result['noticed']}")
    part = "all" if trial.of == result["survived"] else f"{result['survived']} of"
    return trial.outcome("survived", f"{part} {trial.of} tests of this line")


class Runner:
    """A runner that starts pytest in the copy of the tree, and reads its results."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.tree = tree
        self.jobs = folder / "jobs.json"
        self.log = folder / "pytest.log"
        self.is_database_clean = False

    def results(self, trials: Sequence[Trial], *, in_forks: bool = True) -> Iterator[Result]:
        """Yields the result of each trial, until a trial leaves something behind."""
        names = ("number", "path", "tests", "limit")
        jobs = [{name: getattr(trial, name) for name in names} for trial in trials]
        for job, trial in zip(jobs, trials, strict=True):
            job["change"] = asdict(trial.change) if in_forks else None
        self.jobs.write_text(json.dumps(jobs))
        files = sorted({test.partition("::")[0] for trial in trials for test in trial.tests})
        database = "--reuse-db" if self.is_database_clean else "--create-db"
        self.is_database_clean = True
        for result in self._lines("-p", "no:cacheprovider", "--reuse-db", database, *files):
            self.is_database_clean = "time" not in result and "unstable" not in result
            yield result

    def _lines(self, *arguments: str) -> Iterator[Result]:
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.mutations.trying", *arguments]
        variables = {"MUTANTS_JOBS": str(self.jobs), "MUTANTS_RESULTS": str(writing)}
        with self.log.open("ab") as log, os.fdopen(reading) as lines:
            process = subprocess.Popen(
                command, cwd=self.tree, env={**environment(), **variables},
                stdout=log, stderr=log, pass_fds=[writing],
            )  # fmt: skip
            os.close(writing)
            try:
                for line in lines:
                    yield json.loads(line)
                process.wait()
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(SECONDS_TO_START)
                    process.kill()

    def alone(self, trial: Trial) -> Result:
        """Tries a change that must exist when its module is imported.

        Raises: RuntimeError if pytest cannot run the tests even without the change.
        """
        with changed(self.tree, trial.path, trial.change):
            result = self._only_result(trial)
        is_broken = result.get("noticed") in (NO_START, ENDED)
        if is_broken and self._only_result(trial).get("noticed") in (NO_START, ENDED):
            raise RuntimeError(f"pytest does not run without the change either; see {self.log}")
        return result

    def _only_result(self, trial: Trial) -> Result:
        results = [*self.results([trial], in_forks=False)]
        return results[0] if results else {"noticed": NO_START}

    def failing_anyway(self, results: Sequence[tuple[Trial, Result]]) -> set[int]:
        """Returns the numbers of the trials whose test fails even without the change, after the
        same tests.
        """
        noticed = [
            replace(trial, tests=trial.tests[: trial.tests.index(result["noticed"]) + 1])
            for trial, result in results
            if result.get("noticed") in trial.tests
        ]
        if not noticed:
            return set()
        self.is_database_clean = False  # the changed code may have left something behind
        passed = {
            result["number"]
            for result in self.results(noticed, in_forks=False)
            if "survived" in result
        }
        return {trial.number for trial in noticed} - passed
