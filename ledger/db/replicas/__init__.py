"""Reads from replicas. A replica is a standby of the database and may be slightly behind.

    rows = replicas.read(SEARCH, lambda: find(scope, query))

Note [Where a read goes]: nothing is read from a replica automatically. A page passes a function and
a `ReadPurpose`, which contains the tables that the function may read from a replica. While the
function runs, `connections["default"]` is the replica's connection, so that the ORM, raw cursors
and snapshots all read from the replica.

In these cases, the function runs on the writer instead:

* The code runs outside a request of a signed-in user, for example in a command, or inside `atomic`.
* The request has already written rows that replicas show.
* No replica has replayed the session's last write (`sessions.wal_position`) on the same timeline of
  the WAL (Note [Writer's mark]).
* The replica fails while the function runs, or the function reads another table. Because the
  function then runs again from its beginning, it must only read.

No `ReadPurpose` contains tables of limits, permissions, sessions or approvals, so pages read these
tables on the writer. docs/databases.md lists the pages that read from replicas.
"""

from ledger.db.replicas.lag import (
    OTHER_WRITER,
    POSITION,
    WRITER_QUERY,
    ReplicaLag,
    WriterPlace,
    lag_at,
    lag_of,
)
from ledger.db.replicas.prober import aliases, replicas
from ledger.db.replicas.purposes import ReadPurpose, not_shown
from ledger.db.replicas.reads import check_server, is_on_replica, read, read_again, stream, watch
from ledger.db.replicas.requests import RequestReads, request_reads
from ledger.db.replicas.writer import Needed, seen_with, with_writer, write_mark

__all__ = [
    "OTHER_WRITER",
    "POSITION",
    "WRITER_QUERY",
    "Needed",
    "ReadPurpose",
    "ReplicaLag",
    "RequestReads",
    "WriterPlace",
    "aliases",
    "check_server",
    "is_on_replica",
    "lag_at",
    "lag_of",
    "not_shown",
    "read",
    "read_again",
    "replicas",
    "request_reads",
    "seen_with",
    "stream",
    "watch",
    "with_writer",
    "write_mark",
]
