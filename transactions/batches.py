"""Many movements of money in one call: all or nothing, a verdict each, or part by part."""

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from django.db import transaction as db_transaction

from transactions import posting, units
from transactions.drafts import Draft, Item, outline
from transactions.exceptions import LedgerError
from transactions.models import Transaction

CHUNK = 10_000  # drafts a transaction where a batch need not stand or fall together
Part = Sequence[Draft]
Record = Callable[[Part, list[Transaction | LedgerError]], None]


def post_batch(
    drafts: Sequence[Draft], *, atomic: bool = True
) -> list[Transaction] | list[Transaction | LedgerError]:
    """Books many drafts, in order, each seeing the ones before it.

    With `atomic`, all or nothing: the rows, or the first refusal is raised and nothing has
    moved. Without, a result per draft: the Transaction, or the LedgerError that refused it;
    such a batch is booked in chunks, so that locks are short. Where the database fails in one
    of them, the error escapes and the chunks before stay booked: drafts with ids can be sent
    again whole, and nothing is booked twice.
    """
    if atomic:
        with _no_search_for_cycles():
            items = [_outlined(draft) for draft in drafts]
            return units.run(lambda: _all_or_first_refusal(items), items)
    results: list[Transaction | LedgerError] = []
    for start in range(0, len(drafts), CHUNK):
        with _no_search_for_cycles():
            chunk = [_outlined(draft) for draft in drafts[start : start + CHUNK]]
            results += units.run(partial(_verdicts_on, chunk), chunk)
    return results


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """A batch makes many small objects, none of them in a circle, that all live to its end:
    looking for circles among them again and again took a quarter of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def post_parts(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    """Books drafts that come in parts, all in one transaction, with one part in memory.

    `record` gets each part with its verdicts and writes them down in the same transaction, so
    that what it wrote is there exactly if the money moved; a LedgerError it raises undoes all.
    `parts` is asked anew when a lost race is run again, and says what is left to book then. Where
    it gives several parts, it first locks the accounts of all of them, see Note [Lock ordering].
    """
    units.run(partial(_post_all, parts, record))


def preview_parts(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    """`post_parts`, rolled back at its end: the verdicts that booking would give now.

    What `record` writes to the database is rolled back too.
    """

    def rolled_back() -> None:
        _post_all(parts, record)
        db_transaction.set_rollback(True)

    units.run(rolled_back)


def _post_all(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    for part in parts():
        verdicts = _verdicts_on([_outlined(draft) for draft in part])
        for verdict in verdicts:
            if isinstance(verdict, LedgerError):
                verdict.__traceback__ = None  # its frames would keep the whole part in memory
        record(part, verdicts)


def _all_or_first_refusal(items: Sequence[Item | LedgerError]) -> list[Transaction]:
    return [units.row_of(verdict) for verdict in _verdicts_on(items)]


def _verdicts_on(items: Sequence[Item | LedgerError]) -> list[Transaction | LedgerError]:
    """Posts the items that name accounts; a verdict for each, in order."""
    verdicts = iter(posting.post([item for item in items if isinstance(item, Item)]))
    return [next(verdicts) if isinstance(item, Item) else item for item in items]


def _outlined(draft: Draft) -> Item | LedgerError:
    try:
        return outline(draft)
    except LedgerError as refusal:
        return refusal
