"""Reads metrics from the database on a separate connection, for at most one second.

Note [Time limit]: libpq waits at least two seconds for a host that cannot be reached. It waits
without a limit for a server that accepts the connection but does not reply. Therefore a thread runs
the queries, and `/metrics` shows the results that are available after a second. If the thread is
still running, the next request uses the results of this thread and does not start another thread.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, connections

from ledger.db.outages.probe import short_connection
from ledger.db.outages.reasons import in_words
from ledger.web.error_text import described

SECONDS = 1.0
Question = Callable[[psycopg.Connection[Any]], Any]
logger = logging.getLogger(__name__)


class Round:
    """One run of all queries in a separate thread. `answers` contains the results so far, by the
    name of the query.
    """

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.answers: dict[str, Any] = {}
        self.began = time.perf_counter()
        self.seconds: float | None = None  # the duration, or None while the thread is running
        self._questions = questions
        # The connection of the thread that starts this run.
        self._database = connections[DEFAULT_DB_ALIAS]
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits for the results for at most `seconds`. Returns whether the thread has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _ask(self) -> None:
        try:
            # Only the settings of this connection are used.
            connections[DEFAULT_DB_ALIAS] = self._database
            with short_connection(int(SECONDS)) as found:
                found.execute("SET TRANSACTION READ ONLY")
                for name, question in self._questions.items():
                    self._ask_one(found, name, question)
        except (Error, psycopg.Error) as error:  # this includes an error at COMMIT
            logger.warning("The values of /metrics could not be read: %s", in_words(error))
        finally:
            self.seconds = time.perf_counter() - self.began

    def _ask_one(self, found: psycopg.Connection[Any], name: str, question: Question) -> None:
        """Runs one query and stores its result. An error ends this query only, unless the
        connection is lost.
        """
        try:
            with found.transaction():
                self.answers[name] = question(found)
        except psycopg.Error as error:
            logger.warning(
                "The values %s of /metrics could not be read: %s", name, described(error)
            )
            if found.closed:
                raise


class Poller:
    """A runner that repeats the same queries. Only one run is active at a time."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self._questions = questions
        self._lock = threading.Lock()
        self._round: Round | None = None

    def answers(self) -> tuple[Mapping[str, Any], float]:
        """Returns the results that are available after at most one second, by the name of the
        query, and the duration of the run in seconds.
        """
        with self._lock:
            current = self._round or Round(self._questions)
            self._round = current
        is_over = current.wait(SECONDS)
        with self._lock:
            if is_over and self._round is current:
                self._round = None
        took = current.seconds
        return dict(current.answers), SECONDS if took is None else took
