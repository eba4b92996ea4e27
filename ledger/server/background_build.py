"""Builds the practice bank in a thread of `manage.py serve`, after the site's first answer.

The lock of the builder is taken before the site answers, so that its pages say from the first one
on that the bank is being built. When the site ends, the thread is stopped and its draft stays for
the next builder to delete, as after a crash.
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
    """The site ends."""


class BackgroundBuild:
    """A context manager: the thread waits from entry on, works after `begin`, and ends on exit."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._may_begin, self._is_ready = threading.Event(), threading.Event()
        self._is_stopped = False
        self._raw: psycopg.Connection[Any] | None = None  # of the thread
        self._thread = threading.Thread(target=self._run, name="practice-bank", daemon=True)

    def __enter__(self) -> Self:
        """Returns when pages see that it is being built, or when there is nothing to build.

        Waits no longer than a second: another builder may have the lock, which pages see as well.
        """
        self._thread.start()
        self._is_ready.wait(1)
        return self

    def begin(self) -> None:
        self._may_begin.set()

    def wait(self) -> None:
        """Waits until it has ended."""
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
                    self._raw.cancel()  # again, in case that no statement had begun yet
            self._thread.join(0.1)

    def _run(self) -> None:
        try:
            self._build()
        except Exception as error:
            if self._is_stopped:  # then this is how it ends
                return
            if not isinstance(error, NoPracticeBank | DatabaseError):
                raise
            reason = str(error).strip().partition("\n")[0]
            self._tell(f"The practice bank of the cookbook was not built: {reason}")
        finally:
            self._is_ready.set()
            connection.close()

    def _build(self) -> None:
        connection.ensure_connection()
        self._raw = connection.connection
        with connection.execute_wrapper(self._unless_stopped):
            if bank.build(begin=self._wait):
                seconds = time.monotonic() - self._began
                self._tell(f"Built the practice bank of the cookbook in {seconds:.1f} s.")

    def _wait(self) -> None:
        self._is_ready.set()
        self._may_begin.wait()
        if self._is_stopped:
            raise Stopped
        self._began = time.monotonic()

    def _unless_stopped(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """No statement is sent any more: not even one that would open the connection again."""
        if self._is_stopped:
            raise Stopped
        return execute(*arguments)
