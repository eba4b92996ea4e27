"""Delivers events to webhooks, in threads of `manage.py work`. Several workers can run in parallel.

One thread looks for webhooks that have events to send. The other threads send the events. All
webhooks of a person together use at most one thread at a time, and slow webhooks cannot use the
last free thread. So slow receivers do not delay quick receivers: see Note [Turns of webhooks].
"""

import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from time import monotonic
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from banking.events import queues, signing
from banking.events.models import WebhookDelivery
from banking.events.queues import Sending, WebhookClaim
from banking.events.sending import SendResult, send
from ledger.db.outages.reasons import in_words
from ledger.jobs.silence import limited_connections

POLL_SECONDS = 1.0
SERVED_SECONDS = 2.0  # a webhook with more events waits for its next turn
STATEMENT_SECONDS = 30.0
DATABASE_ERRORS = (DatabaseError, InterfaceError)
logger = logging.getLogger("ledger.jobs")


class DeliveryEnded(Exception):
    """Raised if the thread that looks for webhooks has ended with an error. No event is delivered
    after this error.
    """


class Deliverer:
    """A sender of events to webhooks. It calls `report` with each line of output, and `complain`
    with each line about a problem, as a `Worker` does.

    The thread that looks for webhooks updates the time of the file `heartbeat` in each round, even
    if the database does not answer. A health check may restart a process whose file is old. So a
    database outage does not cause a restart.
    """

    def __init__(
        self,
        *,
        report: Callable[[str], object],
        complain: Callable[[str], object] | None = None,
        heartbeat: Path | None = None,
    ) -> None:
        self._heartbeat = heartbeat
        self.name = f"{socket.gethostname()[:60]}:{os.getpid()}:{os.urandom(4).hex()}"
        self._report, self._complain = report, complain or report
        self._stop, self._wake, self._ended = (threading.Event() for _ in range(3))
        threads = settings.LEDGER_WEBHOOK_THREADS
        self._free = threading.Semaphore(threads)
        self._free_for_slow = threading.Semaphore(max(1, threads - 1))
        self._is_database_away = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Delivers events while the `with` block runs. At the end, waits for the running
        deliveries.
        """
        if not settings.LEDGER_WEBHOOK_THREADS:
            yield
            return
        looks = threading.Thread(target=self._look_for_webhooks, name="webhooks", daemon=True)
        looks.start()
        try:
            yield
        finally:
            self._stop.set()
            self._wake.set()
            looks.join()

    def wait(self, seconds: float) -> None:
        """Waits for this number of seconds.

        Raises: DeliveryEnded if the thread that looks for webhooks has ended.
        """
        if not settings.LEDGER_WEBHOOK_THREADS:
            self._beat()
        if self._ended.wait(seconds):
            raise DeliveryEnded

    def deliver_due(self) -> int:
        """Delivers the events that are due now, in the current thread. Returns the number of
        attempts.
        """
        attempts, idle = 0, set[UUID]()
        if not settings.LEDGER_WEBHOOK_THREADS:
            return attempts
        while (claim := queues.claim(self.name)) is not None and claim.webhook not in idle:
            made = self._serve(claim.webhook)
            attempts += made
            if not made:
                idle.add(claim.webhook)
        return attempts

    def _look_for_webhooks(self) -> None:
        """Finds webhooks that have events to send, and passes each webhook to a free thread."""
        threads = settings.LEDGER_WEBHOOK_THREADS
        try:
            with limited_connections(STATEMENT_SECONDS), ThreadPoolExecutor(threads) as senders:
                while not self._stop.is_set():
                    self._beat()
                    self._wake.clear()
                    if not self._start_one(senders):
                        self._wake.wait(POLL_SECONDS)
        finally:
            self._ended.set()

    def _beat(self) -> None:
        if self._heartbeat:
            self._heartbeat.touch()

    def _start_one(self, senders: ThreadPoolExecutor) -> bool:
        if not self._free.acquire(blocking=False):
            return False
        claim, may_be_slow = None, self._free_for_slow.acquire(blocking=False)
        try:
            claim = queues.claim(self.name, may_be_slow=may_be_slow)
            self._report_database(is_database_away=False)
        except DATABASE_ERRORS as error:
            self._report_database(is_database_away=True, why=in_words(error))
            connection.close()
        finally:
            if may_be_slow and not (claim and claim.is_slow):
                self._free_for_slow.release()
            if claim is None:
                self._free.release()
        if claim is None:
            return False
        senders.submit(self._serve_in_thread, claim)
        return True

    def _serve_in_thread(self, claim: WebhookClaim) -> None:
        made = 0
        try:
            with limited_connections(STATEMENT_SECONDS):
                made = self._serve(claim.webhook)
        except DATABASE_ERRORS as error:  # the claim expires later, and the event is sent again
            self._report_database(is_database_away=True, why=in_words(error))
        except Exception:
            logger.exception("Delivering to the webhook %s failed.", claim.webhook)
        finally:
            if claim.is_slow:
                self._free_for_slow.release()
            self._free.release()
            if made:  # otherwise a webhook with nothing to send would be claimed again immediately
                self._wake.set()

    def _serve(self, webhook: UUID) -> int:
        """Sends the due events of this webhook. Stops after a slow attempt, and after
        SERVED_SECONDS. Returns the number of attempts.
        """
        began, attempts = monotonic(), 0
        try:
            while monotonic() - began < SERVED_SECONDS and not self._stop.is_set():
                sending = queues.begin(webhook, self.name)
                if sending is None:
                    break
                attempts += 1
                answer = attempt(sending)
                queues.finish(sending, answer)
                if answer.is_slow:
                    break
        finally:
            with suppress(*DATABASE_ERRORS):
                queues.give_back(webhook, self.name)
        return attempts

    def _report_database(self, *, is_database_away: bool, why: str = "") -> None:
        """Reports once when the database stops answering, and once when it answers again."""
        if is_database_away and not self._is_database_away:
            self._complain(f"Webhooks wait, because the database does not answer: {why}")
        elif self._is_database_away and not is_database_away:
            self._report("Webhooks are delivered again.")
        self._is_database_away = is_database_away


def attempt(sending: Sending) -> SendResult:
    """Signs a delivery, sends it to its webhook, and returns the result."""
    body, now = body_of(sending.delivery), timezone.now()
    try:
        proof = signing.headers(sending.webhook.secrets, sending.delivery.pk, body, now)
    except InvalidToken:
        logger.error("No key of SECRET_KEY decrypts the secret of a webhook.")  # noqa: TRY400
        return SendResult(None, "The bank could not sign the event.", 0.0, is_unreachable=True)
    webhook, seconds = sending.webhook, settings.LEDGER_WEBHOOK_TIMEOUT
    return send(webhook.url, proof, body, owner=webhook.owner_id, seconds=seconds)


def body_of(delivery: WebhookDelivery) -> bytes:
    """Returns the body of a delivery: a JSON object with the event and its account. All attempts of
    a delivery have the same body.
    """
    data: dict[str, object] = {"account": str(delivery.account_id), "number": delivery.number}
    if delivery.transaction_id is not None:
        data["transaction"] = str(delivery.transaction_id)
    moment = delivery.at.astimezone(UTC).isoformat(timespec="microseconds")
    content = {
        "type": delivery.kind, "timestamp": moment.replace("+00:00", "Z"), "data": data
    }  # fmt: skip
    return json.dumps(content, separators=(",", ":")).encode()
