"""Processes with one connection each that do the same job in parallel."""

import importlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any


class JobFailed(Exception):
    """Raised with a worker's traceback."""


class Workers:
    """Workers that wait for jobs. A job is the name of a function, "module:name". Its argument
    `worker` is the worker's number.
    """

    def __init__(self, ends: "list[Connection[Any, Any]]") -> None:
        self._ends = ends

    def first(self, count: int) -> "Workers":
        """Returns the first `count` of the workers."""
        return Workers(self._ends[:count])

    def run(self, job: str, **arguments: Any) -> list[Any]:
        """Returns the result of each worker's job.

        Raises: JobFailed with the first traceback.
        """
        for number, end in enumerate(self._ends):
            end.send((job, {"worker": number, **arguments}))
        answers = [end.recv() for end in self._ends]
        for failure, _ in answers:
            if failure:
                raise JobFailed(failure)
        return [result for _, result in answers]


@contextmanager
def start_workers(count: int, database: str, settings: str = "tests.settings") -> Iterator[Workers]:
    """Starts `count` processes in which Django uses the database."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(count)]
    workers = [
        context.Process(target=_work, args=(theirs, database, settings), daemon=True)
        for _, theirs in pipes
    ]
    for worker in workers:
        worker.start()
    for _, theirs in pipes:
        theirs.close()
    try:
        yield Workers([ours for ours, _ in pipes])
    finally:
        for ours, _ in pipes:
            ours.close()
        for worker in workers:
            worker.join(5)
            worker.terminate()


def _work(orders: "Connection[Any, Any]", database: str, settings: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process ends the workers
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    import django

    django.setup()
    from tests.bench.servers import point_at

    point_at(database)
    while True:
        try:
            job, arguments = orders.recv()
        except EOFError:
            return
        with suppress(BrokenPipeError):  # the parent does not wait any more
            orders.send(_answer(job, arguments))


def _answer(job: str, arguments: dict[str, Any]) -> tuple[str | None, Any]:
    """Returns (traceback, None) or (None, result)."""
    module, name = job.split(":")
    try:
        return None, getattr(importlib.import_module(module), name)(**arguments)
    except Exception:  # noqa: BLE001  it is told to whoever gave the job
        return traceback.format_exc(), None
