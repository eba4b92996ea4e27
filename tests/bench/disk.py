"""The bytes on disk for one transfer, with its indexes, by relation."""

from collections.abc import Mapping

from tests.bench.bank import open_rich_accounts, some_draft
from tests.bench.figures import DISK, Figure
from tests.bench.results import Results, report_progress
from tests.bench.samples import dice, some_words
from tests.bench.scale import Scale
from tests.bench.servers import admin, fresh_database
from transactions import services

PART = "disk"
BATCH = 1_000
TABLE = "transactions"
# The table with its TOAST, and each of its indexes. VACUUM first empties the pending lists of GIN
# indexes.
SIZES = """
SELECT relname, pg_table_size(oid) FROM pg_class
WHERE oid = %(table)s::regclass
   OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(table)s::regclass)
"""


def measure(scale: Scale, results: Results) -> None:
    results.add(*_figures(scale, with_metadata=False))
    results.add(*_figures(scale, with_metadata=True))


def _figures(scale: Scale, *, with_metadata: bool) -> list[Figure]:
    kind = "with metadata" if with_metadata else "without metadata"
    report_progress(f"disk, {scale.disk_rows:,} transfers {kind}")
    with fresh_database("bench_disk") as database:
        open_rich_accounts(scale.accounts)
        # The same number of transfers before: the pending lists of GIN indexes grow once and are
        # then reused.
        _book(scale, with_metadata=with_metadata)
        before = _sizes(database)
        _book(scale, with_metadata=with_metadata)
        after = _sizes(database)
    each = {name: (size - before.get(name, 0)) / scale.disk_rows for name, size in after.items()}
    whole = Figure(PART, f"a transfer on disk, {kind}", sum(each.values()), "bytes")
    whole.target = None if with_metadata else DISK
    parts = sorted(each.items(), key=lambda item: -item[1])
    return [whole, *(Figure(PART, f"  of it {name}", size, "bytes") for name, size in parts)]


def _book(scale: Scale, *, with_metadata: bool) -> None:
    for start in range(0, scale.disk_rows, BATCH):
        numbers = range(start, min(start + BATCH, scale.disk_rows))
        facts = [_metadata() if with_metadata else None for _ in numbers]
        services.post_batch([some_draft(scale.accounts, each) for each in facts])


def _metadata() -> dict[str, object]:
    """Returns metadata with three keys, as a shop or an import would add it."""
    return {
        "category": dice.choice(["rent", "food", "travel", "home"]),
        "invoice": dice.randint(1, 99_999),
        "note": some_words(),
    }


def _sizes(database: str) -> Mapping[str, int]:
    with admin(database) as server:
        server.execute(f"VACUUM {TABLE}")
        rows = server.execute(SIZES, {"table": TABLE}).fetchall()
    return {str(name): int(str(size)) for name, size in rows}
