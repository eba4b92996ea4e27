"""Counts payments by kind and outcome for `/metrics`. Each draft is counted once.

A retry does not count as a second payment, and a payment that is rolled back does not count. A
refused atomic batch counts as one refusal.
"""

import functools
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from accounts.exceptions import LedgerError
from accounts.refusal_counts import BOOKING, count_refusals, counting_refusals
from ledger.db.retry import OutcomeUnknown
from ledger.metrics.kinds import Counter
from ledger.tracing import spans
from ledger.tracing.spans import Span
from transactions import exceptions
from transactions.posting.drafts import Draft, PreparedDraft

P = ParamSpec("P")
R = TypeVar("R")

KINDS = ("transfer", "deposit", "withdrawal", "hold", "capture", "release", "reversal", "batch")
# The outcomes. REPEATED: a row with this id already existed, so no money moved. UNKNOWN: the
# payment may have been booked. FAILED: an error other than a refusal, and nothing was booked.
BOOKED, REPEATED, REFUSED, UNKNOWN, FAILED = "booked", "repeated", "refused", "unknown", "failed"
KIND, OUTCOME = "ledger.payment.kind", "ledger.payment.outcome"  # attributes of a trace span
PAYMENTS = Counter(
    "ledger_payments_total",
    "Payments, holds and releases by kind and outcome.",
    ["kind", "outcome"],
)
for _kind in KINDS:  # creates each counter with 0, so that the first payment increases the counter
    for _outcome in (BOOKED, REPEATED, REFUSED, UNKNOWN, FAILED):
        PAYMENTS.labels(_kind, _outcome)
count_refusals(dict.fromkeys(exceptions.__all__, 0), BOOKING)


class Payment:
    """A number of payments with a kind and an outcome. The default is one booked payment.
    `counting` adds the number to the metrics.
    """

    def __init__(self, kind: str) -> None:
        self.kind, self.outcome, self.many = kind, BOOKED, 1


_current: ContextVar[Payment | None] = ContextVar("counted_payment", default=None)


@contextmanager
def counting(kind: str) -> Iterator[Payment]:
    """Yields a Payment that the block may change, and adds the Payment to the metrics at the end.
    If the block raises an error, the error determines the outcome. If blocks are nested, only the
    outermost block adds to the metrics.
    """
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    payment = Payment(kind)
    token = _current.set(payment)
    with spans.span(f"service {kind}", {KIND: kind}, expects=(LedgerError,)) as span:
        try:
            with counting_refusals(BOOKING):
                yield payment
        except Exception as error:
            PAYMENTS.labels(kind, _noted(span, error)).inc()
            raise
        else:
            span.note({OUTCOME: payment.outcome})
            PAYMENTS.labels(kind, payment.outcome).inc(payment.many)
        finally:
            _current.reset(token)


def note_repeated() -> None:
    """Sets the outcome of the current `counting` block to "repeated", because an earlier call has
    booked the same payment.
    """
    if (payment := _current.get()) is not None:
        payment.outcome = REPEATED


def counts_as(kind: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Returns a decorator that runs a function in a `counting` block of this kind."""

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            with counting(kind):
                return function(*args, **kwargs)

        return counted

    return decorated


def kind_of(draft: Draft) -> str:
    """Returns the kind of a draft, one of KINDS. The draft may have invalid values."""
    if draft.pending:
        return "hold"
    if draft.captures:
        return "capture"
    if draft.reverses:
        return "reversal"
    if draft.from_account is None:
        return "deposit"
    return "withdrawal" if draft.to_account is None else "transfer"


class BatchTally:
    """The outcomes of a batch's drafts, collected until the database transaction ends."""

    def __init__(self) -> None:
        self.payments = Tally[tuple[str, str]]()
        self.refusals = Tally[str]()

    def clear(self) -> None:
        """Removes all outcomes. Call it when the database transaction starts again."""
        self.payments.clear()
        self.refusals.clear()

    def add(
        self,
        drafts: Sequence[Draft],
        items: Sequence[PreparedDraft | LedgerError],
        results: Sequence[object],
    ) -> None:
        """Adds the outcome of each draft. The three sequences have the same order."""
        for draft, item, result in zip(drafts, items, results, strict=True):
            if isinstance(result, LedgerError):
                self.refusals[type(result).__name__] += 1
                outcome = REFUSED
            else:
                is_new = isinstance(item, LedgerError) or not item.is_repeated
                outcome = BOOKED if is_new else REPEATED
            self.payments[kind_of(draft), outcome] += 1

    def kinds(self) -> Iterator[str]:
        """Yields the kind of each draft that was added."""
        return (kind for kind, _ in self.payments.elements())

    def by_outcome(self) -> dict[str, int]:
        """Returns the number of drafts by outcome. The keys are names of attributes of a trace
        span.
        """
        found = Tally[str]()
        for (_, outcome), many in self.payments.items():
            found[f"ledger.batch.{outcome}"] += many
        return dict(found)

    def publish(self) -> None:
        """Adds the outcomes to the metrics."""
        for (kind, outcome), many in self.payments.items():
            PAYMENTS.labels(kind, outcome).inc(many)
        count_refusals(self.refusals, BOOKING)


@contextmanager
def counting_batch(drafts: Sequence[Draft]) -> Iterator[BatchTally]:
    """Counts the drafts of one database transaction. Yields a tally to which the block adds
    outcomes. If the block raises a LedgerError, counts one refused batch. If the block raises any
    other error, every draft gets the outcome of this error.
    """
    tally = BatchTally()
    with spans.span("service batch", {KIND: "batch"}, expects=(LedgerError,)) as span:
        try:
            with counting_refusals(BOOKING):
                yield tally
        except LedgerError as error:  # the whole batch is refused
            PAYMENTS.labels("batch", _noted(span, error)).inc()
            raise
        except Exception as error:
            outcome = _noted(span, error)
            for kind in [kind_of(draft) for draft in drafts] or tally.kinds():
                PAYMENTS.labels(kind, outcome).inc()
            raise
        else:
            span.note(tally.by_outcome())
            tally.publish()


def _noted(span: Span, error: Exception) -> str:
    """Returns the outcome for an error, and adds the outcome to the trace span. For a refusal, the
    span contains the class of the error, never the message.
    """
    outcome = _outcome_of(error)
    span.note({OUTCOME: outcome})
    if outcome == REFUSED:
        span.note({"ledger.payment.refusal": type(error).__name__})
    return outcome


def _outcome_of(error: Exception) -> str:
    if isinstance(error, LedgerError):
        return REFUSED
    return UNKNOWN if isinstance(error, OutcomeUnknown) else FAILED
