"""Reads from replicas: standbys of the database that may be a moment behind it.

    rows = replicas.read(SEARCH, lambda: find(scope, query))

Note [Where a read goes]: nothing goes to a replica by itself. A page names the function that may
read there, and a `ReadPurpose`, which names the tables. Inside, `connections["default"]` is the
replica's connection, so that the ORM, raw cursors and snapshots all read there. The function runs
on the writer instead

- outside a request of somebody signed in, as in a command, and inside `atomic`;
- after the request has written anything that a replica could show;
- if no replica has replayed what the session wrote last (`sessions.wal_position`), and on the same
  line of WAL (Note [Writer's mark]);
- if the replica fails meanwhile, or the function asks for another table. Then it runs again, from
  its beginning: it must only read.

No `ReadPurpose` has tables of limits, permissions, sessions or approvals: pages read those on the
writer, before or after. docs/databases.md says which pages read from replicas.
"""

from ledger.db.replicas.lag import (
    ASK_WRITER,
    OTHER_WRITER,
    POSITION,
    ReplicaFigures,
    WriterPlace,
    figures,
    figures_at,
)
from ledger.db.replicas.prober import aliases, replicas
from ledger.db.replicas.purposes import ReadPurpose, not_shown
from ledger.db.replicas.reads import check_server, is_on_replica, read, read_again, stream, watch
from ledger.db.replicas.requests import RequestReads, request_reads
from ledger.db.replicas.writer import Needed, seen_with, with_writer, write_mark

__all__ = [
    "ASK_WRITER",
    "OTHER_WRITER",
    "POSITION",
    "Needed",
    "ReadPurpose",
    "ReplicaFigures",
    "RequestReads",
    "WriterPlace",
    "aliases",
    "check_server",
    "figures",
    "figures_at",
    "is_on_replica",
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
