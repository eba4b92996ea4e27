"""Returns the embedded server in the settings, or the pair of servers that `serve --standby` has
created from this server.
"""

from functools import cache

from django.conf import settings

from ledger.db.server.embedded import EmbeddedServerError
from ledger.embedded.pair import Pair
from ledger.embedded.server import EmbeddedServer

NO_STANDBY = "There is no standby. `make run STANDBY=1` or `serve --standby` creates one."


@cache
def default_server() -> EmbeddedServer | Pair:
    """Returns the embedded server in the settings. If `serve --standby` has added a standby,
    returns the pair of servers.
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


def own_pair() -> Pair:
    """Returns the primary and the standby of the embedded server in the settings.

    Raises EmbeddedServerError if the embedded server has no standby.
    """
    pair = Pair(settings.LEDGER_DATA_DIR)
    if not pair.exists():
        raise EmbeddedServerError(NO_STANDBY)
    return pair
