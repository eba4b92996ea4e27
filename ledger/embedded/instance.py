"""The embedded server in the settings, or the pair that `serve --standby` created from it."""

from functools import cache

from django.conf import settings

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded.pair import Pair
from ledger.embedded.server import EmbeddedServer

OWN_SERVER = (
    "DATABASE_URL or DB_NAME names your own server, and this command is for the standby of the"
    " embedded server. {advice} (docs/databases.md)."
)
PROMOTE = (
    "Promote your standby with its own tools: `pg_ctl promote`, Patroni, or the console of RDS"
)
START_AGAIN = (
    "Start your standby again with its own tools, such as `pg_ctl start`, systemd or Patroni, or"
    " make a new one with pg_basebackup. Waiting commits continue once it follows; no server needs"
    " to be promoted"
)
WAIT_FOR_NOBODY = (
    "On your server, a superuser sets `synchronous_standby_names` to '' on the primary and reloads"
    " its configuration; no server needs to be promoted"
)
NO_STANDBY = "There is no standby. `make run STANDBY=1` or `serve --standby` creates one."


@cache
def default_server() -> EmbeddedServer | Pair:
    """Returns the embedded server in the settings. If `serve --standby` has made it a pair of
    servers, returns the pair.
    """
    pair = Pair(settings.LEDGER_DATA_DIR)
    return pair if pair.exists() else pair.first


def has_standby() -> bool:
    return isinstance(default_server(), Pair)


def make_pair() -> None:
    """Adds a synchronous standby to the embedded server in the settings: see
    ledger.embedded.pair.
    """
    Pair(settings.LEDGER_DATA_DIR).make()
    default_server.cache_clear()


def own_pair(advice: str) -> Pair:
    """Returns the primary and the standby of the embedded server in the settings.

    Raises EmbeddedServerError if the embedded server has no standby, or if the settings contain
    another database server. In the second case, the message contains `advice`, a text that
    explains what to do on the other server.
    """
    if not settings.LEDGER_EMBEDDED:
        raise EmbeddedServerError(OWN_SERVER.format(advice=advice))
    pair = Pair(settings.LEDGER_DATA_DIR)
    if not pair.exists():
        raise EmbeddedServerError(NO_STANDBY)
    return pair
