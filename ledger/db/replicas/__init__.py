"""Reads from replicas, which are standbys of the database that may be slightly behind.

    rows = replicas.read(SEARCH, lambda: find(scope, query))

Note [Where a read goes]: nothing is read from a replica automatically. A page passes the function
that may read from a replica, and a `ReadPurpose`, which contains the allowed tables. While the
function runs, `connections["default"]` is the replica's connection. Therefore the ORM, raw cursors
and snapshots all read from the replica.

In these cases, the function runs on the writer instead:

* The code runs outside a request of a signed-in user, for example in a command, or inside `atomic`.
* The request has already written something that a replica could show.
* No replica has replayed the session's last write (`sessions.wal_position`) on the same timeline of
  the WAL (Note [Writer's mark]).
* The replica fails while the function runs, or the function reads another table. The function then
  runs again from its beginning, so it must only read.

No `ReadPurpose` contains tables of limits, permissions, sessions or approvals. Pages read these
tables on the writer, before or after. docs/databases.md lists the pages that read from replicas.
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
