"""`post_batch` compared with COPY of the same rows, and with the textbook transfer."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from time import perf_counter
from uuid import UUID

import psycopg

from tests.bench import jobs
from tests.bench.bank import open_rich_accounts, some_draft
from tests.bench.figures import BATCH_AGAINST_COPY, BATCH_AGAINST_TEXTBOOK, Figure
from tests.bench.plans import plans_of
from tests.bench.results import Results, report_progress
from tests.bench.rounds import Rounds, alternate, compared
from tests.bench.scale import Scale
from tests.bench.servers import (
    RIVALS_FIRST,
    admin,
    columns_of,
    copy_tables,
    fresh_database,
    point_at,
    settle,
)
from transactions import services

PART = "batch"
OURS, TWIN = "bench_batch", "bench_batch_twin"
COPIES, REAL = "COPY", "COPY with all triggers"
HELD_TO_COPY = 10_000  # the size in the targets
HELD_TO_TEXTBOOK = 1_000


def measure(scale: Scale, results: Results) -> None:
    with ExitStack() as stack:
        stack.enter_context(fresh_database(OURS))
        open_rich_accounts(scale.accounts)
        # The twin gets every row that is booked here, so that its chain continues like ours.
        stack.enter_context(fresh_database(TWIN, template=OURS))
        point_at(OURS)
        copy_tables(OURS)
        for size in scale.batches:
            report_progress(f"batches of {size:,}")
            _contest(size, scale, results)
        # Last, because the twin does not get the rows that are booked here.
        _contest_with_textbook(scale, results)
        drafts = [some_draft(scale.accounts) for _ in range(max(scale.batches))]
        results.plans["post_batch, without its COPY"] = plans_of(
            lambda: services.post_batch(drafts[:HELD_TO_TEXTBOOK])
        )


def _contest(size: int, scale: Scale, results: Results) -> None:
    what = f"post_batch, {size:,} per batch"
    turn = _Turn(size, max(1, scale.batch_rows // size), scale.accounts)
    rounds: Rounds = {"ours": [], COPIES: [], REAL: []}
    refused = ""
    for _ in range(scale.rounds + 1):
        rounds["ours"].append(turn.book())
        rounds[COPIES].append(turn.copy(OURS, RIVALS_FIRST))
        try:
            rounds[REAL].append(turn.copy(TWIN))
        except psycopg.Error as error:
            refused = f"refused: {str(error).splitlines()[0]}"
    rounds = {name: paces[1:] for name, paces in rounds.items()}  # the first round was a warm-up
    target = BATCH_AGAINST_COPY if size == HELD_TO_COPY else None
    results.add(compared(PART, what, rounds, COPIES, target))
    if refused:
        results.add(Figure(PART, what, None, "/s", REAL, note=refused))
    else:
        results.add(compared(PART, what, rounds, REAL))


def _contest_with_textbook(scale: Scale, results: Results) -> None:
    size = HELD_TO_TEXTBOOK
    turn = _Turn(size, max(1, scale.batch_rows // size), scale.accounts)
    textbook = partial(jobs.pay_by_textbook, 0, scale.seconds, scale.accounts)
    rounds = alternate(scale.rounds, {"ours": turn.book, "textbook": textbook})
    what = f"post_batch, {size:,} per batch"
    results.add(compared(PART, what, rounds, "textbook", BATCH_AGAINST_TEXTBOOK))


class _Turn:
    """A contestant's turn: a number of batches of one size."""

    def __init__(self, size: int, batches: int, accounts: int) -> None:
        self.size, self.batches, self.accounts = size, batches, accounts
        self.booked: list[list[UUID]] = []

    def book(self) -> float:
        """Returns the rows per second that `post_batch` books, without the time for creating the
        drafts.
        """
        batches = [
            [some_draft(self.accounts) for _ in range(self.size)] for _ in range(self.batches)
        ]
        settle()
        began = perf_counter()
        done = [services.post_batch(drafts) for drafts in batches]
        seconds = perf_counter() - began
        self.booked = [[row.pk for row in rows if not isinstance(row, Exception)] for rows in done]
        return self.size * self.batches / seconds

    def copy(self, database: str, prelude: str = "") -> float:
        """Returns the rows per second of COPY for the rows that were booked last. Each batch has a
        separate transaction.

        The time does not include reading the rows, which are prepared as text.
        """
        with admin(OURS) as source:
            columns = columns_of(source, "transactions")
            texts = [_text_of(source, columns, ids) for ids in self.booked]
        with admin(database) as target:
            target.execute(prelude or "SELECT 1")
            settle()
            began = perf_counter()
            for text in texts:
                with target.cursor().copy(f"COPY transactions ({columns}) FROM STDIN") as copy:
                    copy.write(text)
            return self.size * self.batches / (perf_counter() - began)


def _text_of(
    source: "psycopg.Connection[tuple[object, ...]]", columns: str, ids: Sequence[UUID]
) -> bytes:
    """Returns these rows in COPY's text format, in booking order."""
    rows = (
        f"COPY (SELECT {columns} FROM transactions WHERE id = ANY(%s) ORDER BY created_at, id) "
        "TO STDOUT"
    )
    with psycopg.ClientCursor(source) as cursor, cursor.copy(rows, [list(ids)]) as copy:
        return b"".join(bytes(block) for block in copy)
