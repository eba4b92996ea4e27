"""Reads metrics from the database on a separate connection, and waits for one second at most.

Note [Time limit]: libpq waits at least two seconds for a host, and without a limit for a server
that does not reply. So a thread runs the queries, and `/metrics` uses the results that are there
after a second. A thread that is not done continues, and the next request uses its results instead
of starting another thread.
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
    """One round of queries, in a separate thread."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.answers: dict[str, Any] = {}
        self.began = time.perf_counter()
        self.seconds: float | None = None  # None until it has ended
        self._questions = questions
        self._database = connections[DEFAULT_DB_ALIAS]  # of the thread that starts the round
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits for the results. Returns False if some are missing after that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _ask(self) -> None:
        try:
            connections[DEFAULT_DB_ALIAS] = self._database  # only its settings are used
            with short_connection(int(SECONDS)) as found:
                found.execute("SET TRANSACTION READ ONLY")
                for name, question in self._questions.items():
                    self._ask_one(found, name, question)
        except (Error, psycopg.Error) as error:  # also an error at COMMIT
            logger.warning("The values of /metrics could not be read: %s", in_words(error))
        finally:
            self.seconds = time.perf_counter() - self.began

    def _ask_one(self, found: psycopg.Connection[Any], name: str, question: Question) -> None:
        """Runs one query. If it fails, the others still run, unless the connection is lost."""
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
    """Repeats the same queries, one round at a time."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self._questions = questions
        self._lock = threading.Lock()
        self._round: Round | None = None

    def answers(self) -> tuple[Mapping[str, Any], float]:
        """Returns the results that the database gave within a second, by name, and the seconds that
        it took.
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
