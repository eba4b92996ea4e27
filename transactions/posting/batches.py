"""Posts many drafts in one call. With `atomic`, either all drafts are posted or no draft. Otherwise
each draft has a separate result.
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
# During this time, payments from this account wait, and are refused after LEDGER_LOCK_TIMEOUT (2
# s). So a customer's request may book only MAX_TOGETHER drafts in one transaction. 1,000 drafts to
# 1,000 accounts lock the accounts for 0.1 s (0.14 s if each row has a reason; two shared cores,
# November 2026), 5,000 drafts for 0.7 s, 50,000 drafts for 13 s. Metadata is read and converted
# before the accounts are locked. 1 MB of metadata adds up to 0.4 s, because the lists of words that
# wait for their index are short (`PENDING` of the model). Batches of one person run one after
# another (Note [Turn of a person]), because parallel batches would wait for each other's locks on
# the same accounts.
MAX_TOGETHER = 1_000
METADATA_TOGETHER = 1_000_000  # characters in all drafts together
TOO_MANY = (
    f"At most {MAX_TOGETHER:,} payments can be booked together, with at most "
    f"{METADATA_TOGETHER:,} characters of metadata. Nothing was booked. Divide the payments into "
    "several batches, or book each payment separately."
)
# The maximum number of drafts in a chunk that capture or reverse a row which is not written yet.
LINKS = 100
WITHOUT_ID = (
    "Nothing was booked: each draft of a batch in parts needs an id that is made before it is sent,"
    " or it might be booked twice."
)
Part = Sequence[Draft]
Record = Callable[[Part, list[Transaction | LedgerError]], None]


class BatchInterrupted(OperationalError):
    """An error of the database while a batch is posted in chunks. `__cause__` is the original
    error.

    The lists `results`, `unknown` and `unbooked` together contain every draft, in order:

    - `results` are the final results of the first drafts.
    - `unknown` are drafts that may have been posted, because the connection was lost during the
      COMMIT. Each of these drafts has the id with which it was sent. If the caller sends these
      drafts again, each draft is posted at most once.
    - `unbooked` are drafts that this call did not post. A draft that an earlier call returned in
      `unknown` may have been posted by the earlier call. Such a draft still has the id of the
      earlier call.
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
    batch. The later draft then contains the id of the earlier draft.

    With `atomic`, returns the posted rows. If a draft is refused, nothing is posted, and the first
    refusal is raised.

    Without `atomic`, returns one result per draft: the Transaction, or the LedgerError that refused
    the draft. Posts the drafts in chunks, so that accounts are locked only briefly. Raises
    BatchInterrupted if the database fails. The chunks before the failure stay posted.
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
    """Returns the next chunk: up to CHUNK prepared drafts. A draft with invalid values is replaced
    by its refusal. A chunk contains at most LINKS drafts that capture or reverse a row which is not
    written yet.

    A draft that captures or reverses such a row needs a separate write (`posting.post`). In one
    transaction, each further write to the same account is slower: 2,000 holds, each followed by its
    capture, took 88 s.
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

    Note [Garbage collection]: a batch creates many small objects without reference cycles. The
    collector scans these objects repeatedly until the batch ends. With the collector on, 10,000
    drafts are posted at 0.49 of the speed of COPY. With the collector off, it is 0.69 (`make
    bench`, November 2026, two shared cores). The collector is off for the whole process, so
    reference cycles of other threads stay in memory until the batch ends.
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

    The function `drafts` returns the drafts. It may lock other rows, because it is called before
    the accounts are locked. If the transaction is retried, `drafts` is called again, and must
    return only drafts that are not posted yet. The function `record` stores the results of the
    drafts in the same transaction. If `record` raises a LedgerError, everything is rolled back.

    Every draft needs an id that is the same in every call, because only the id shows which drafts
    were posted after a lost COMMIT. Raises InvalidDetails for a draft without an id, and
    TooManyTogether for too many drafts or too much metadata.
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
    """Passes each part to `record`, together with the results that posting all parts would have
    now. Posts and locks nothing, so payments of other people may change a result later.

    A draft must not capture or reverse another draft of these parts. If the connection is lost, the
    preview is retried, and `parts` is called again.
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
                    # The traceback of a refusal would keep the whole part in memory.
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
    """Returns the result of each item, in order. An item that is a refusal is its own result.
    `results_of` posts or previews the other items.
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
