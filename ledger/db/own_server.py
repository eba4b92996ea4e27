"""The embedded server of the settings, or the pair that `serve --standby` made of it."""

from functools import cache

from ledger.db.embedded import ConnectionInfo, EmbeddedServer, EmbeddedServerError
from ledger.db.pair import Pair

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
WRITES_ALONE = (
    "Commits wait for no standby, so they are on one server; `manage.py standby --again` brings it"
    " back."
)
NO_STANDBY = "There is no standby; `make run STANDBY=1` or `serve --standby` makes one."


@cache
def default_server() -> EmbeddedServer | Pair:
    """The server that the settings name, or the pair that it became."""
    pair = _pair_of_settings()
    return pair if pair.exists() else pair.first


def make_pair() -> None:
    """Give the server of the settings a synchronous standby: see ledger.db.pair."""
    _pair_of_settings().make()
    default_server.cache_clear()


def own_pair(advice: str) -> Pair:
    """The pair that the server of the settings became.

    Raises EmbeddedServerError if it has no standby, or if the settings name another server:
    `advice` says what to do there.
    """
    from django.conf import settings

    pair = _pair_of_settings()
    if not settings.LEDGER_EMBEDDED:
        raise EmbeddedServerError(OF_ONES_OWN.format(advice=advice))
    if not pair.exists():
        raise EmbeddedServerError(NO_STANDBY)
    return pair


def _pair_of_settings() -> Pair:
    from django.conf import settings

    return Pair(settings.LEDGER_DATA_DIR)


def has_standby() -> bool:
    return isinstance(default_server(), Pair)


def problem_with_standby() -> str | None:
    """The sentence about a pair whose primary writes alone, from `standby --alone` on or while the
    other server is made; None where there is no pair, or one that confirms commits. No query.
    """
    from django.conf import settings

    found = default_server() if settings.LEDGER_EMBEDDED else None
    return WRITES_ALONE if isinstance(found, Pair) and not found.primary.is_confirmed else None


def ensure_started() -> ConnectionInfo:
    return default_server().ensure_started()


def ensure_roles() -> None:
    default_server().ensure_roles()


def take_rights_from_everybody(database: str) -> None:
    default_server().take_rights_from_everybody(database)


def has_data() -> bool:
    """Whether it was started before."""
    return isinstance(found := default_server(), Pair) or found.data.exists()


def stop() -> bool:
    return default_server().stop()


def is_running() -> bool:
    return default_server().is_running()


def status() -> str:
    return default_server().status()
