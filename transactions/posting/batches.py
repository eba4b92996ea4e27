"""Many movements of money in one call: all or nothing, a verdict each, or part by part."""

import gc
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from django.db import Error, OperationalError
from django.db import transaction as db_transaction

from ledger.db.retry import OutcomeUnknown
from transactions.exceptions import InvalidDetails, LedgerError
from transactions.models import Transaction
from transactions.posting import engine, unit_of_work
from transactions.posting.drafts import Draft, PreparedDraft, outline

CHUNK = 10_000  # drafts a transaction where a batch need not stand or fall together
LINKS = 100  # of them that capture or reverse a row not written yet
WITHOUT_ID = (
    "Nothing was booked: a draft that comes in parts needs an id of its own, made before it is "
    "sent, or it might be booked twice."
)
Part = Sequence[Draft]
Record = Callable[[Part, list[Transaction | LedgerError]], None]


class BatchInterrupted(OperationalError):
    """The database failed within a batch that is booked in chunks; `__cause__` is its failure.

    Together its lists have all drafts, in order. What has `results` stays as it is. Whether the
    `unknown` are booked nobody can say, for the connection went during their COMMIT: each bears
    the id it was sent under, so that it is booked once at most however often it is sent again.
    Of the `unbooked` nothing is in the books.
    """

    def __init__(
        self,
        why: Exception,
        results: list[Transaction | LedgerError],
        unknown: list[Draft],
        unbooked: list[Draft],
    ) -> None:
        super().__init__(
            f"The batch was interrupted ({len(results):,} drafts have their result, "
            f"{len(unknown):,} are perhaps booked, {len(unbooked):,} are not): {why}"
        )
        self.results, self.unknown, self.unbooked = results, unknown, unbooked


def post_batch(
    drafts: Sequence[Draft], *, atomic: bool = True
) -> list[Transaction] | list[Transaction | LedgerError]:
    """Books many drafts, in order, each seeing the ones before it: a draft may capture a hold or
    reverse a payment that an earlier one books, by the id that it gave.

    With `atomic`, all or nothing: the rows, or the first refusal is raised and nothing has
    moved. Without, a result per draft: the Transaction, or the LedgerError that refused it;
    such a batch is booked in chunks, so that locks are short. Where the database fails in one
    of them, the chunks before stay booked: BatchInterrupted has their results and the rest.
    """
    if atomic:
        with _no_search_for_cycles():
            items = [_outlined(draft) for draft in drafts]
            return unit_of_work.run(lambda: _all_or_first_refusal(items), items)
    results: list[Transaction | LedgerError] = []
    while len(results) < len(drafts):
        with _no_search_for_cycles():
            rest = drafts[len(results) :]
            chunk = _chunk_of(rest)
            try:
                results += unit_of_work.run(partial(_verdicts_on, chunk), chunk)
            except (Error, LedgerError) as error:
                raise _interrupted(error, results, chunk, rest) from error
    return results


def _chunk_of(rest: Sequence[Draft]) -> list[PreparedDraft | LedgerError]:
    """The first drafts of the rest: CHUNK of them, or up to a link too many to their own rows.

    A link to what is not written yet begins a write of its own (`posting.post`), and what one
    transaction writes to an account again and again makes each next write slower: 2,000 holds,
    each followed by its capture, took 88 s in one.
    """
    chunk: list[PreparedDraft | LedgerError] = []
    unwritten, links = set[uuid.UUID](), 0
    for draft in rest[:CHUNK]:
        item = _outlined(draft)
        if isinstance(item, PreparedDraft):
            if item.links_to_one_of(unwritten):
                unwritten, links = set(), links + 1
            if links > LINKS:
                break
            unwritten.add(item.id)
        chunk.append(item)
    return chunk


def _interrupted(
    error: Exception,
    results: list[Transaction | LedgerError],
    chunk: Sequence[PreparedDraft | LedgerError],
    rest: Sequence[Draft],
) -> BatchInterrupted:
    """What became of a batch whose `chunk`, the first drafts of the `rest`, met this error."""
    if not isinstance(error, OutcomeUnknown):
        return BatchInterrupted(error, results, [], list(rest))
    unknown = [
        replace(draft, id=item.id) if isinstance(item, PreparedDraft) else draft
        for draft, item in zip(rest, chunk, strict=False)
    ]
    return BatchInterrupted(error, results, unknown, list(rest[len(chunk) :]))


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

    Every draft has an id, the same one each time it is asked for: after a lost COMMIT only the
    id tells what is booked. InvalidDetails for one without, and nothing is booked.
    """

    def with_ids() -> Iterator[Part]:
        for part in parts():
            if any(draft.id is None for draft in part):
                raise InvalidDetails(WITHOUT_ID)
            yield part

    unit_of_work.run(partial(_post_all, with_ids, record))


def preview_parts(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    """`post_parts`, rolled back at its end: the verdicts that booking would give now.

    What `record` writes to the database is rolled back too.
    """

    def rolled_back() -> None:
        _post_all(parts, record)
        db_transaction.set_rollback(True)

    unit_of_work.run(rolled_back)


def _post_all(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    for part in parts():
        verdicts = _verdicts_on([_outlined(draft) for draft in part])
        for verdict in verdicts:
            if isinstance(verdict, LedgerError):
                verdict.__traceback__ = None  # its frames would keep the whole part in memory
        record(part, verdicts)


def _all_or_first_refusal(items: Sequence[PreparedDraft | LedgerError]) -> list[Transaction]:
    return [unit_of_work.row_of(verdict) for verdict in _verdicts_on(items)]


def _verdicts_on(items: Sequence[PreparedDraft | LedgerError]) -> list[Transaction | LedgerError]:
    """Posts the items that name accounts; a verdict for each, in order."""
    verdicts = iter(engine.post([item for item in items if isinstance(item, PreparedDraft)]))
    return [next(verdicts) if isinstance(item, PreparedDraft) else item for item in items]


def _outlined(draft: Draft) -> PreparedDraft | LedgerError:
    try:
        return outline(draft)
    except LedgerError as refusal:
        return refusal
