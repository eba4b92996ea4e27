"""Posts many drafts in one call. Either all drafts are posted or none (atomic), or each draft has a
separate result.
"""

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

CHUNK = 10_000  # max. drafts per database transaction of a batch with `atomic=False`
# Note [Short locks]: a payment locks the recipient's account until its database transaction ends.
# In that time, payments from this account wait, and are refused after LEDGER_LOCK_TIMEOUT (2 s). So
# the number of drafts that a customer's request books in one transaction is limited. 1,000 drafts
# to 1,000 accounts lock the accounts for 0.1 s (0.14 s if each row has a reason; two shared cores,
# November 2026), 5,000 drafts for 0.7 s, 50,000 drafts for 13 s. Metadata is read and converted
# before the accounts are locked. 1 MB of metadata adds up to 0.4 s, because the lists of words that
# wait for their index are short (`PENDING` of the model). Batches of one person run one after
# another (Note [Turn of a person]), because parallel batches would wait for each other's locks on
# the same accounts.
MAX_TOGETHER = 1_000
METADATA_TOGETHER = 1_000_000  # characters in all drafts together
TOO_MANY = (
    f"At most {MAX_TOGETHER:,} payments are booked all or none, with at most "
    f"{METADATA_TOGETHER:,} characters of metadata. Nothing was booked; divide them into several "
    "batches, or have each payment booked separately."
)
# Maximum number of drafts in a chunk that capture or reverse a row that is not written yet.
LINKS = 100
WITHOUT_ID = (
    "Nothing was booked: each draft of a batch in parts needs an id that is made before it is sent,"
    " or it might be booked twice."
)
Part = Sequence[Draft]
Record = Callable[[Part, list[Transaction | LedgerError]], None]


class BatchInterrupted(OperationalError):
    """Raised if the database fails while a batch is posted in chunks. `__cause__` is the error of
    the database.

    The lists `results`, `unknown` and `unbooked` together contain every draft, in order. The
    results are final. A draft in `unknown` may be posted or not, because the connection was lost
    during the COMMIT. Each draft in `unknown` has the id with which it was sent, so if the caller
    sends the draft again, the draft is posted at most once. This call did not post the drafts in
    `unbooked`. But an earlier call may have returned such a draft in `unknown` and may have posted
    it. In this case, the draft in `unbooked` still has the id of the earlier call.
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
    """Posts many drafts in order. A draft may capture or reverse an earlier draft of the same
    batch, by the id of the earlier draft.

    With `atomic`, returns the posted rows. If a draft is refused, raises the first refusal, and
    nothing is posted.

    Without `atomic`, returns one result per draft: the Transaction, or the LedgerError that refused
    the draft. The drafts are posted in chunks, so that accounts are locked only briefly. If the
    database fails in a chunk, raises BatchInterrupted, and the earlier chunks stay posted.
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
    """Returns the next chunk of prepared drafts. A chunk has up to CHUNK drafts. It is shorter if
    more than LINKS drafts capture or reverse a row that is not written yet. A draft with invalid
    values is replaced by its refusal.

    A draft that captures or reverses an unwritten row needs a separate write (`posting.post`). In
    one transaction, each further write to the same account is slower: 2,000 holds, each followed by
    its capture, took 88 s.
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
    """Returns the BatchInterrupted for an error that happened while `chunk` was posted. `chunk`
    contains the first drafts of `rest`.
    """
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

    Note [Garbage collection]: a batch creates many small objects without reference cycles. All of
    them live until the batch ends, and the collector scans them repeatedly. With the collector on,
    10,000 drafts reach 0.49 of COPY's speed; with the collector off, 0.69 (`make bench`, November
    2026, two shared cores). The collector is off for the whole process, so reference cycles of
    other threads are not collected until the batch ends.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def post_together(drafts: Callable[[], Part], record: Record) -> None:
    """Posts up to MAX_TOGETHER drafts in one database transaction, see Note [Short locks].

    `drafts` returns the drafts. It may lock other rows, because it is called before the accounts
    are locked. If the transaction is retried, `drafts` is called again, and must return the drafts
    that are still to be posted. `record` receives the drafts and their results, and stores the
    results in the same transaction. If `record` raises a LedgerError, everything is rolled back.

    Every draft needs an id that stays the same between calls, because after a lost COMMIT only the
    id shows which drafts were posted. Raises InvalidDetails for a draft without an id, and
    TooManyTogether for too many drafts or too much metadata. In these cases nothing is posted.
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
    """Passes each part to `record`, with the results that posting all parts would have now. Does
    not post or lock anything, so payments of other people may change a result later.

    A draft must not capture or reverse another draft of these parts. If the connection is lost and
    the preview is retried, `parts` is called again.
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
                    # The frames of its traceback would keep the whole part in memory.
                    result.__traceback__ = None
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
    """Returns the result of each item, in order. `results_of` posts or previews the prepared
    drafts. If an item is a refusal, that refusal is its result.
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
