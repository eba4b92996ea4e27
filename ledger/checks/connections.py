"""Checks of DATABASES and DATABASE_ROUTERS, which a settings module can change."""

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage
from django.db import DEFAULT_DB_ALIAS, router

from ledger.checks.messages import some, weak, wrong
from ledger.db.read_router import DEFAULT_PLUGINS, PLUGINS_WITH_READER, has_added_table
from ledger.settings.aws import FAILOVER
from ledger.settings.database_options import BREAKING, breaking_settings, is_harmless

# The reader endpoint of a cluster of Aurora or of an RDS Multi-AZ cluster.
READER_ENDPOINT = re.compile(r"[^.]+\.cluster-ro-[^.]+\.[^.]+\.rds\.amazonaws\.com(\.cn)?")


def check_options(**_options: Any) -> list[CheckMessage]:
    """Returns an error for USE_TZ = False, and for each value in DATABASES with which payments or
    connections would fail. DATABASE_URL and DB_OPTIONS cannot contain these values, but a settings
    module can.
    """
    database = settings.DATABASES[DEFAULT_DB_ALIAS]
    options = database.get("OPTIONS", {})
    start_up = [
        wrong(
            "database_option",
            f'DATABASES["{DEFAULT_DB_ALIAS}"]["OPTIONS"]["options"] sets {name}={value}, which is'
            f" not possible, because {reason}.",
            "Leave it out.",
        )
        for name, value, reason in breaking_settings(str(options.get("options", "")))
    ]
    places = (("", database), ('["OPTIONS"]', options))
    return [*_times_and_numbers(database), *start_up] + [
        wrong(
            "database_option",
            f'DATABASES["{DEFAULT_DB_ALIAS}"]{place}["{name}"] is {value!r}. Every payment would'
            f" fail, because {reason}.",
            "Leave it out.",
        )
        for place, values in places
        for name, value in values.items()
        if (reason := BREAKING.get(name.lower())) and not is_harmless(name.lower(), str(value))
    ]


def _times_and_numbers(database: dict[str, Any]) -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        yield wrong(
            "use_tz",
            "USE_TZ is False. Payments would fail, because Ledger needs times with a time zone.",
            "Leave it out.",
        )
    if zone := database.get("TIME_ZONE"):
        yield wrong(
            "database_option",
            f'DATABASES["{DEFAULT_DB_ALIAS}"]["TIME_ZONE"] is {zone!r}, but Ledger needs'
            " connections in UTC.",
            "Leave it out. The setting TIME_ZONE is the time zone of the bank.",
        )
    age = database.get("CONN_MAX_AGE")
    if not isinstance(age, int | float | None):
        yield wrong(
            "database_option",
            f'DATABASES["{DEFAULT_DB_ALIAS}"]["CONN_MAX_AGE"] is {age!r}, which is not a number.'
            " Connections would fail.",
            "Write a number of seconds, or None for no limit.",
        )
    elif database.get("OPTIONS", {}).get("pool") and age != 0:
        yield wrong(
            "database_option",
            f'DATABASES["{DEFAULT_DB_ALIAS}"] has a pool and CONN_MAX_AGE={age!r}. Connections'
            " would fail, because the pool decides how long connections are kept.",
            "Set CONN_MAX_AGE to 0, or use DB_POOL in place of the option pool.",
        )


def check_routers(**_options: Any) -> list[CheckMessage]:
    """Returns a warning if a router sends models of Ledger to another database than the default
    database: see Note [Which reads stay on the writer].
    """
    moved: dict[str, set[str]] = {}
    for model in apps.get_models():
        if has_added_table(model):
            continue
        for alias in (router.db_for_read(model), router.db_for_write(model)):
            if alias != DEFAULT_DB_ALIAS:
                moved.setdefault(alias, set()).add(model._meta.label)
    return [
        weak(
            "router",
            f"A router in DATABASE_ROUTERS sends {some(sorted(models))} to the database {alias}."
            " Balances, permissions and sessions may then be old.",
            "Let the router return None for models of other apps than yours, or use"
            " DATABASE_READ_ROUTER=True instead (docs/databases.md).",
        )
        for alias, models in moved.items()
    ]


def check_readers(**_options: Any) -> list[CheckMessage]:
    """Returns a warning for each reader endpoint of a cluster. Ledger needs the address of one
    server, and Aurora's readers are not standbys.
    """
    hosts = {
        host
        for database in settings.DATABASES.values()
        for host in str(database.get("HOST") or "").split(",")
        if READER_ENDPOINT.fullmatch(host.lower())
    }
    return [
        weak(
            "reader_endpoint",
            f"{host} is the reader endpoint of a cluster. Ledger needs the address of one server.",
            "DATABASE_URL needs the cluster endpoint (cluster-). To read from readers of Aurora,"
            f" set DB_DRIVER=aws and DB_AWS_PLUGINS={PLUGINS_WITH_READER}. On an RDS Multi-AZ"
            " cluster, name the endpoint of each instance in DATABASE_REPLICA_URLS"
            " (docs/databases.md).",
        )
        for host in sorted(hosts)
    ]


def check_failover(**_options: Any) -> list[CheckMessage]:
    """Returns a warning if AWS's driver has no plugin that finds the next writer."""
    driver = settings.DATABASES[DEFAULT_DB_ALIAS].get("LEDGER_DRIVER", {})
    if not driver or not FAILOVER.isdisjoint(driver.get("plugins", "").split(",")):
        return []
    return [
        weak(
            "failover",
            "DB_AWS_PLUGINS has no plugin for failover. This setting replaces the default plugins"
            f" {DEFAULT_PLUGINS}.",
            "Add the default plugins to DB_AWS_PLUGINS (docs/databases.md).",
        )
    ]
