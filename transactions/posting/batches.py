"""Posts many drafts in one call: all or nothing, one result per draft, or part by part."""

import gc
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from django.db import Error, OperationalError

from accounts.refusal_counts import REVIEW, count_refusals, counting_refusals
from ledger.db.retry import OutcomeUnknown
from transactions.exceptions import InvalidDetails, LedgerError, TooManyTogether
from transactions.models import Transaction
from transactions.posting import engine, unit_of_work
from transactions.posting.counts import BatchTally, counting_batch
from transactions.posting.drafts import Draft, PreparedDraft, outline
from transactions.posting.locked_accounts import LockedAccount
from transactions.posting.turns import wait_for_turns

CHUNK = 10_000  # drafts per database transaction of a batch with `atomic=False`
# Note [Short locks]: a payment locks the recipient's account until its transaction ends, and
# payments of that account's owner are refused after LEDGER_LOCK_TIMEOUT, 2 s. So the number of
# drafts that a customer's request books in one transaction is limited: 1,000 drafts to 1,000
# accounts lock them for 0.1 s (0.14 s with a reason for each row; two shared cores, November 2026),
# 5,000 for 0.7 s, 50,000 for 13 s. Their metadata is read and written before the lock. 1 MB of it
# adds up to 0.4 s, because the lists of words that wait for their index are short (`PENDING` of the
# model). One person's batches are booked one after another, see Note [Turn of a person], because
# parallel batches would wait for each other's locks on the same accounts.
MAX_TOGETHER = 1_000
METADATA_TOGETHER = 1_000_000  # characters, the sum over all drafts
TOO_MANY = (
    f"At most {MAX_TOGETHER:,} payments are booked all or none, with at most "
    f"{METADATA_TOGETHER:,} characters of metadata. Nothing was booked; divide them into several "
    "batches, or have each payment booked separately."
)
LINKS = 100  # max. drafts of a chunk that capture or reverse a row that is not written yet
WITHOUT_ID = (
    "Nothing was booked: each draft of a batch in parts needs an id that is made before it is sent,"
    " or it might be booked twice."
)
Part = Sequence[Draft]
Record = Callable[[Part, list[Transaction | LedgerError]], None]


class BatchInterrupted(OperationalError):
    """The database failed while a batch was posted in chunks; `__cause__` is that error.

    The three lists together contain every draft, in order. `results` are final. The drafts in
    `unknown` may or may not be posted, because the connection was lost during their COMMIT. Each
    has the id it was sent with, so sending it again posts it at most once. The drafts in `unbooked`
    are not posted by this call. If an earlier call returned such a draft in `unknown`, that call
    may have posted it; the draft keeps its id.
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
    """Posts many drafts in order. A draft may capture or reverse what an earlier draft of the same
    batch posts, by the id of that draft.

    With `atomic`, all or nothing: returns the rows, or raises the first refusal with nothing
    posted. Without `atomic`, returns one result per draft, a Transaction or the LedgerError that
    refused it, and posts in chunks so that locks are short. If the database fails in one chunk,
    earlier chunks stay posted and BatchInterrupted is raised.
    """
    if atomic:
        with _no_search_for_cycles(), counting_batch(drafts) as tally:
            items = [_refusal_or(outline, draft) for draft in drafts]
            rows = unit_of_work.run(lambda: _all_or_first_refusal(items), items)
            tally.add(drafts, items, rows)
            return rows
    results: list[Transaction | LedgerError] = []
    while len(results) < len(drafts):
        with _no_search_for_cycles():
            rest = drafts[len(results) :]
            chunk = _chunk_of(rest)
            try:
                with counting_batch(rest[: len(chunk)]) as tally:
                    done = unit_of_work.run(partial(_results_on, chunk), chunk)
                    tally.add(rest[: len(chunk)], chunk, done)
                results += done
            except (Error, LedgerError) as error:
                raise _interrupted(error, results, chunk, rest) from error
    return results


def _chunk_of(rest: Sequence[Draft]) -> list[PreparedDraft | LedgerError]:
    """Returns the next chunk: CHUNK drafts, or fewer if too many of them link to each other.

    A draft that links to an unwritten row needs a separate write (`posting.post`), and each further
    write to the same account in one transaction is slower: 2,000 holds, each followed by its
    capture, took 88 s in one transaction.
    """
    chunk: list[PreparedDraft | LedgerError] = []
    unwritten, links = set[uuid.UUID](), 0
    for draft in rest[:CHUNK]:
        item = _refusal_or(outline, draft)
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
    """Builds the BatchInterrupted for an error in `chunk`, the first drafts of `rest`."""
    if not isinstance(error, OutcomeUnknown):
        return BatchInterrupted(error, results, [], list(rest))
    unknown = [
        replace(draft, id=item.id) if isinstance(item, PreparedDraft) else draft
        for draft, item in zip(rest, chunk, strict=False)
    ]
    return BatchInterrupted(error, results, unknown, list(rest[len(chunk) :]))


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Switches the garbage collector off while a batch is posted.

    Note [Garbage collection]: a batch creates many small objects without reference cycles, which
    all live until its end, and the collector scans them repeatedly. With the collector on, 10,000
    drafts reach 0.49 of COPY's speed instead of 0.69 (`make bench`, November 2026, two shared
    cores). The switch is process-wide: cycles of other threads are not collected until the batch is
    done.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def post_together(drafts: Callable[[], Part], record: Record) -> None:
    """Posts up to MAX_TOGETHER drafts in one transaction, see Note [Short locks].

    `drafts` may lock other rows of the drafts, before their accounts are locked. `record` receives
    the drafts with their results and writes them in the same transaction; a LedgerError that it
    raises rolls everything back. `drafts` is called again when a lost race is retried, and must
    then return the drafts that are still to be posted.

    Every draft needs an id that stays the same between calls, because after a lost COMMIT only the
    id shows what was posted. Raises InvalidDetails for a draft without an id, and TooManyTogether;
    nothing is posted then.
    """

    def post() -> None:
        tally.clear()
        part = drafts()
        if len(part) > MAX_TOGETHER:
            raise TooManyTogether(TOO_MANY)
        if any(draft.id is None for draft in part):
            raise InvalidDetails(WITHOUT_ID)
        items = [_refusal_or(engine.prepare, draft) for draft in part]
        metadata = (len(it.metadata_text) for it in items if isinstance(it, PreparedDraft))
        if len(items) > 1 and sum(metadata) > METADATA_TOGETHER:
            raise TooManyTogether(TOO_MANY)
        wait_for_turns(item.created_by_id for item in items if isinstance(item, PreparedDraft))
        results = _results_on(items)
        tally.add(part, items, results)
        record(part, results)

    with counting_batch([]) as tally:
        unit_of_work.run(post)


def preview_parts(parts: Callable[[], Iterable[Part]], record: Record) -> None:
    """Passes each part to `record` with the results that posting all parts would have now, and
    posts nothing. Locks nothing, so bookings by others may change a result.

    A draft must not capture or reverse one of these drafts. `parts` is called again when a lost
    connection is retried.
    """

    def preview() -> None:
        tally.clear()
        senders: dict[uuid.UUID, LockedAccount] = {}
        for part in parts():
            items = [_refusal_or(outline, draft) for draft in part]
            results = _results_on(items, partial(engine.preview, senders=senders))
            tally.add(part, items, results)
            for result in results:
                if isinstance(result, LedgerError):
                    result.__traceback__ = None  # its frames would keep the whole part in memory
            record(part, results)

    tally = BatchTally()
    with counting_refusals(REVIEW):
        unit_of_work.run(preview)
    count_refusals(tally.refusals, REVIEW)


def _all_or_first_refusal(items: Sequence[PreparedDraft | LedgerError]) -> list[Transaction]:
    return [unit_of_work.row_of(result) for result in _results_on(items)]


def _results_on(
    items: Sequence[PreparedDraft | LedgerError],
    results_of: Callable[[Sequence[PreparedDraft]], Sequence[Transaction | LedgerError]] = (
        engine.post
    ),
) -> list[Transaction | LedgerError]:
    """Posts the prepared drafts, or finds their results without posting. A refusal among the items
    is its own result; the order is kept.
    """
    results = iter(results_of([item for item in items if isinstance(item, PreparedDraft)]))
    return [next(results) if isinstance(item, PreparedDraft) else item for item in items]


def _refusal_or(
    read: Callable[[Draft], PreparedDraft], draft: Draft
) -> PreparedDraft | LedgerError:
    try:
        return read(draft)
    except LedgerError as refusal:
        return refusal
