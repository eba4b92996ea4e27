"""The error for a database alias that is not in DATABASES."""

from django.conf import settings
from django.db import connections
from django.utils.connection import ConnectionDoesNotExist

from ledger.db.read_router import READ


class UnknownAlias(ConnectionDoesNotExist):
    """Django's error, with the aliases of this site and the setting for a reader."""

    def __init__(self, message: str) -> None:
        reader = "" if READ in settings.DATABASES else f" DATABASE_REPLICA_URLS adds {READ}."
        aliases = " and ".join(settings.DATABASES)
        super().__init__(f"{message} DATABASES has {aliases}.{reader} See docs/databases.md.")


def explain() -> None:
    """Makes `using("read")` and `connections["read"]` raise UnknownAlias."""
    connections.exception_class = UnknownAlias
