"""Creates the alias `read` in DATABASES if there is a reader, and selects the router that uses the
alias.

docs/databases.md explains what may be read from this alias.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from ledger import env
from ledger.db.read_router import PLUGINS_WITH_READER, READ
from ledger.settings import aws

Database = dict[str, Any]
ROUTER = "ledger.db.read_router.ReadRouter"
# If no reader is available, the driver connects to the writer, which would accept writes without
# this option.
READ_ONLY = "-c default_transaction_read_only=on"
PLACE = ("HOST", "PORT")
NO_READER = (
    "there is no reader; name a replica by DATABASE_REPLICA_URLS, or with DB_DRIVER=aws write"
    f" DB_AWS_PLUGINS={PLUGINS_WITH_READER}"
)


def reader(writer: Database, replicas: Mapping[str, Database]) -> dict[str, Database]:
    """Returns the entry `read` for DATABASES: a reader that AWS's driver finds, or the replicas.
    Returns an empty dict if there is no reader and no replica.
    """
    found = _of_driver(writer) or _of_replicas(writer, [*replicas.values()])
    return {READ: {**found, "TEST": {"MIRROR": DEFAULT_DB_ALIAS}}} if found else {}


def routers(databases: Collection[str]) -> list[str]:
    """Returns the value of DATABASE_ROUTERS. Ends the process if the router is on but there is no
    reader.
    """
    if not env.flag("DATABASE_READ_ROUTER"):
        return []
    if READ not in databases:
        env.refuse("DATABASE_READ_ROUTER", NO_READER)
    return [ROUTER]


def _of_driver(writer: Database) -> Database:
    plugins = writer.get("LEDGER_DRIVER", {}).get("plugins", "").split(",")
    if aws.SPLITTING.isdisjoint(plugins):
        return {}
    options = {**writer["OPTIONS"], "read_only": True}  # see ledger.db.aws.base
    options["options"] = f"{options.get('options', '')} {READ_ONLY}".strip()
    return {**writer, "OPTIONS": options}


def _of_replicas(writer: Database, found: list[Database]) -> Database:
    """Returns the settings of the first replica. Replicas with the same login and options become
    further hosts, and libpq uses the first standby that answers.
    """
    if not found:
        return {}
    first = found[0]
    options = {**first["OPTIONS"]}
    # `read` does not change to the writer after a failure, so it waits as long as the writer.
    if "pool" in options:
        options["pool"] = writer["OPTIONS"]["pool"]
    made = {
        **{name: value for name, value in first.items() if name != "LEDGER_REPLICA"},
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
    if not first.get("HOST"):  # the standby of the embedded server, or a socket
        return made
    alike = [each for each in found if _without_place(each) == _without_place(first)]
    return {**made, **{name: ",".join(str(each[name]) for each in alike) for name in PLACE}}


def _without_place(database: Database) -> Database:
    return {name: value for name, value in database.items() if name not in PLACE}
