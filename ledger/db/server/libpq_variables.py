"""The variables of the environment from which libpq fills what a connection leaves open."""

import os

from psycopg import pq

# Those that are no parameters, so that libpq does not list them.
FURTHER = {"PGSERVICEFILE", "PGSYSCONFDIR", "PGREQUIRESSL", "PGDATESTYLE", "PGTZ", "PGGEQO"}


def names() -> set[str]:
    """PGHOST, PGHOSTADDR, PGSERVICE and all others."""
    listed = {each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar}
    return listed | FURTHER


def forget() -> None:
    """Removes them from the environment of this process, and so of the programs that it starts.

    Some cannot be overruled by a connection: an unknown PGSERVICE ends each one, whatever it says.
    """
    for name in names():
        os.environ.pop(name, None)
