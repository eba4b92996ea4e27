"""The error for a database alias that is not in DATABASES."""

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.connection import ConnectionDoesNotExist

from ledger.db.read_router import PLUGINS_WITH_READER, READ


class UnknownAlias(ConnectionDoesNotExist):
    """Django's error for an unknown alias. The message also contains the aliases of this site and
    the setting that adds a reader.
    """

    def __init__(self, message: str) -> None:
        aliases = " and ".join(settings.DATABASES)
        super().__init__(
            f"{message} DATABASES has {aliases}.{how_to_add_reader()} See docs/databases.md."
        )


def how_to_add_reader() -> str:
    """Returns a sentence that names the setting that adds the alias READ. The sentence begins with
    a space. Returns "" if the alias READ exists.
    """
    if READ in settings.DATABASES:
        return ""
    if "LEDGER_DRIVER" in settings.DATABASES[DEFAULT_DB_ALIAS]:
        return f" DB_AWS_PLUGINS={PLUGINS_WITH_READER} adds {READ}."
    return f" DATABASE_REPLICA_URLS adds {READ}."


def explain() -> None:
    """Makes Django raise UnknownAlias for an alias that is not in DATABASES, for example in
    `using("read")`.
    """
    connections.exception_class = UnknownAlias
