"""Reads from replicas: standbys of the database that may be slightly behind it.

    rows = replicas.read(SEARCH, lambda: find(scope, query))

Note [Where a read goes]: nothing is read from a replica automatically. A page names the function
that may read there, and a `ReadPurpose`, which lists the tables. In the function,
`connections["default"]` is the replica's connection, so that the ORM, raw cursors and snapshots all
read there. The function runs on the writer instead
* outside a request of a signed-in user, as in a command, and inside `atomic`;
* after the request has written anything that a replica could show;
* if no replica has replayed the session's last write (`sessions.wal_position`) on the same timeline
  of the WAL (Note [Writer's mark]);
* if the replica fails while the function runs, or the function reads another table. Then the
  function runs again from its beginning, so it must only read.

No `ReadPurpose` has tables of limits, permissions, sessions or approvals: pages read those on the
writer, before or after. docs/databases.md lists the pages that read from replicas.
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
