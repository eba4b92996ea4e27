"""Builds the practice bank in a thread of `manage.py serve`, after the site has answered its first
request.

The thread takes the lock for building before the first request, so that every page can show that
the practice bank is being built. When the site ends, the thread stops. The next run deletes an
unfinished practice bank.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psycopg
from django.db import DatabaseError, connection

from cookbook.practice import bank
from cookbook.practice.readiness import NoPracticeBank


class Stopped(Exception):
    """An error that ends the building thread when `manage.py serve` ends."""


class BackgroundBuild:
    """A context manager for the thread that builds the practice bank. The thread starts and stops
    with the block, but builds only after a call of `begin`.
    """

    def __init__(self, print_line: Callable[[str], object]) -> None:
        self._print_line = print_line
        self._may_begin, self._is_ready = threading.Event(), threading.Event()
        self._is_stopped = False
        self._raw: psycopg.Connection[Any] | None = None  # the connection of the thread
        self._thread = threading.Thread(target=self._run, name="practice-bank", daemon=True)

    def __enter__(self) -> Self:
        """Starts the thread, and waits for at most one second until pages can show that the
        practice bank is being built.
        """
        self._thread.start()
        self._is_ready.wait(1)
        return self

    def begin(self) -> None:
        self._may_begin.set()

    def wait(self) -> None:
        """Waits until the thread has ended."""
        self._thread.join()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._is_stopped = True
        self._may_begin.set()
        while self._thread.is_alive():
            if self._raw is not None:
                with suppress(psycopg.Error):
                    # Repeated, because a new SQL statement may begin after a cancel.
                    self._raw.cancel()
            self._thread.join(0.1)

    def _run(self) -> None:
        try:
            self._build()
        except Exception as error:
            if self._is_stopped:  # the error was caused by the stop
                return
            if not isinstance(error, NoPracticeBank | DatabaseError):
                raise
            reason = str(error).strip().partition("\n")[0]
            self._print_line(f"The practice bank of the cookbook was not built: {reason}")
        finally:
            self._is_ready.set()
            connection.close()

    def _build(self) -> None:
        connection.ensure_connection()
        self._raw = connection.connection
        with connection.execute_wrapper(self._unless_stopped):
            if bank.build(begin=self._wait):
                seconds = time.monotonic() - self._began
                self._print_line(f"Built the practice bank of the cookbook in {seconds:.1f} s.")

    def _wait(self) -> None:
        self._is_ready.set()
        self._may_begin.wait()
        if self._is_stopped:
            raise Stopped
        self._began = time.monotonic()

    def _unless_stopped(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """Runs a SQL statement and returns its result. Raises Stopped if `manage.py serve` is
        ending.
        """
        if self._is_stopped:
            raise Stopped
        return execute(*arguments)
