"""The embedded server of the settings, or the pair that `serve --standby` made of it."""

from functools import cache

from django.conf import settings

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded.pair import Pair
from ledger.embedded.server import EmbeddedServer

OF_ONES_OWN = (
    "DATABASE_URL or DB_NAME names a server of your own, and this command is for the standby of the"
    " embedded one. {advice} (docs/databases.md)."
)
PROMOTE = "Promote yours by its own means: `pg_ctl promote`, Patroni, or the console of RDS"
START_AGAIN = (
    "Start yours again by its own means, such as `pg_ctl start`, systemd or Patroni, or make it"
    " anew with pg_basebackup; commits that wait go on once it follows, and nothing has to be"
    " promoted"
)
WAIT_FOR_NOBODY = (
    "On yours a superuser sets `synchronous_standby_names` to '' on the primary and reloads it;"
    " nothing has to be promoted"
)
NO_STANDBY = "There is no standby; `make run STANDBY=1` or `serve --standby` makes one."


@cache
def default_server() -> EmbeddedServer | Pair:
    """The server that the settings name, or the pair that it became."""
    pair = Pair(settings.LEDGER_DATA_DIR)
    return pair if pair.exists() else pair.first


def has_standby() -> bool:
    return isinstance(default_server(), Pair)


def make_pair() -> None:
    """Give the server of the settings a synchronous standby: see ledger.embedded.pair."""
    Pair(settings.LEDGER_DATA_DIR).make()
    default_server.cache_clear()


def own_pair(advice: str) -> Pair:
    """The pair that the server of the settings became.

    Raises EmbeddedServerError if it has no standby, or if the settings name another server:
    `advice` says what to do there.
    """
    if not settings.LEDGER_EMBEDDED:
        raise EmbeddedServerError(OF_ONES_OWN.format(advice=advice))
    pair = Pair(settings.LEDGER_DATA_DIR)
    if not pair.exists():
        raise EmbeddedServerError(NO_STANDBY)
    return pair
