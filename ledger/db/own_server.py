"""The embedded server of the settings, or the pair that `serve --standby` made of it."""

from functools import cache

from ledger.db.embedded import ConnectionInfo, EmbeddedServer
from ledger.db.pair import Pair


@cache
def default_server() -> EmbeddedServer | Pair:
    """The server that the settings name, or the pair that it became."""
    from django.conf import settings

    pair = Pair(settings.LEDGER_DATA_DIR, settings.LEDGER_PG)
    return pair if pair.exists() else pair.first


def make_pair() -> None:
    """Give the server of the settings a synchronous standby: see ledger.db.pair."""
    from django.conf import settings

    Pair(settings.LEDGER_DATA_DIR, settings.LEDGER_PG).make()
    default_server.cache_clear()


def has_standby() -> bool:
    return isinstance(default_server(), Pair)


def ensure_started() -> ConnectionInfo:
    return default_server().ensure_started()


def ensure_roles() -> None:
    default_server().ensure_roles()


def take_rights_from_everybody(database: str) -> None:
    default_server().take_rights_from_everybody(database)


def stop() -> bool:
    return default_server().stop()


def is_running() -> bool:
    return default_server().is_running()


def status() -> str:
    return default_server().status()
