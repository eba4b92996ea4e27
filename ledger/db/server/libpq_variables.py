"""The environment variables from which libpq takes what a connection does not set."""

import os

from psycopg import pq

# Variables that are not parameters, so libpq does not list them.
FURTHER = {"PGSERVICEFILE", "PGSYSCONFDIR", "PGREQUIRESSL", "PGDATESTYLE", "PGTZ", "PGGEQO"}


def names() -> set[str]:
    """Returns PGHOST, PGHOSTADDR, PGSERVICE and all other names."""
    listed = {each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar}
    return listed | FURTHER


def forget() -> None:
    """Removes the variables from the environment of this process and of the programs that it
    starts.

    A connection cannot override some of them: an unknown PGSERVICE ends every connection, whatever
    its parameters are.
    """
    for name in names():
        os.environ.pop(name, None)
