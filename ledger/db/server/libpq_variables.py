"""Finds and removes the environment variables that libpq reads if an option is not set."""

import os

from psycopg import pq

# Variables that do not belong to a connection option, so libpq does not list them.
FURTHER = {"PGSERVICEFILE", "PGSYSCONFDIR", "PGREQUIRESSL", "PGDATESTYLE", "PGTZ", "PGGEQO"}

# The variables that name a server or its database. Others belong to a user or to all servers.
NAMING = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")


def names() -> set[str]:
    """Returns the names of these variables, such as PGHOST, PGHOSTADDR and PGSERVICE."""
    listed = {each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar}
    return listed | FURTHER


def forget() -> None:
    """Removes the variables from the environment of this process and of the programs that it
    starts.

    The options of a connection override most variables, but not all. For example, an unknown
    PGSERVICE makes every connection fail.
    """
    for name in names():
        os.environ.pop(name, None)
