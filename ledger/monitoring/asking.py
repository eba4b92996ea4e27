"""Asks the database for figures on a connection of its own, and waits a second at most.

Note [Time limit]: libpq waits two seconds or longer for a host, and for ever for one that answers
nothing. So a thread asks, and `/metrics` takes what it has after a second. A thread that still
waits then is left alone: the next request takes its answer, instead of starting another one.
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
    """One round of questions, asked by a thread of its own."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self.answers: dict[str, Any] = {}
        self.began = time.perf_counter()
        self.seconds: float | None = None  # None while it is under way
        self._questions = questions
        self._database = connections[DEFAULT_DB_ALIAS]  # of the thread that asks for it
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits for the answers; False if some are missing after that."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _ask(self) -> None:
        try:
            connections[DEFAULT_DB_ALIAS] = self._database  # for its settings; it is not used
            with short_connection(int(SECONDS)) as found:
                found.execute("SET TRANSACTION READ ONLY")
                for name, question in self._questions.items():
                    self._ask_one(found, name, question)
        except (Error, psycopg.Error) as error:  # also of the COMMIT
            logger.warning("The figures of /metrics could not be read: %s", in_words(error))
        finally:
            self.seconds = time.perf_counter() - self.began

    def _ask_one(self, found: psycopg.Connection[Any], name: str, question: Question) -> None:
        """A question that fails leaves the others alone, unless the connection is lost."""
        try:
            with found.transaction():
                self.answers[name] = question(found)
        except psycopg.Error as error:
            logger.warning("The figures %s could not be read: %s", name, described(error))
            if found.closed:
                raise


class Asking:
    """Asks the same questions again and again, one round at a time."""

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self._questions = questions
        self._lock = threading.Lock()
        self._round: Round | None = None

    def answers(self) -> tuple[Mapping[str, Any], float]:
        """What the database has answered within a second, by question, and how long it took."""
        with self._lock:
            current = self._round or Round(self._questions)
            self._round = current
        is_over = current.wait(SECONDS)
        with self._lock:
            if is_over and self._round is current:
                self._round = None
        took = current.seconds
        return dict(current.answers), SECONDS if took is None else took
