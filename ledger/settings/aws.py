"""Settings for AWS: database logins from IAM or Secrets Manager, and AWS's database driver.

docs/databases.md describes these settings.
"""

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl

from ledger import env
from ledger.db.read_router import DEFAULT_PLUGINS
from ledger.db.server.credentials import KEEP_SECRET, KEEP_TOKEN

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]", re.ASCII)
ARN = re.compile(r"arn:[a-z-]+:secretsmanager:([a-z0-9-]+):.+", re.ASCII)
INSTALL = "it needs {0}: make install-extras, or pip install {0}"
ENCRYPTED = ("require", "verify-ca", "verify-full")
# Each host needs its own login, so Ledger tries the hosts one by one instead of libpq. With these
# values libpq would choose the order of the hosts, so these values are refused.
OWN_ORDER = {"load_balance_hosts": ("random",), "target_session_attrs": ("prefer-standby",)}
# Plugins of AWS's driver for signing in. The setting on the right adds the plugin.
SIGN_IN = {"iam": "DB_IAM_REGION", "aws_secrets_manager": "DB_SECRET_ID"}
PLUGINS = (
    "aurora_connection_tracker", "bg", "connect_time", "custom_endpoint", "execute_time",
    "failover", "failover_v2", "fastest_response_strategy", "gdb_failover", "gdb_rw",
    "host_monitoring", "host_monitoring_v2", "initial_connection", "limitless",
    "read_write_splitting", "srw", "stale_dns",
)  # fmt: skip
# Names of the same plugins in AWS's drivers for other programming languages.
NAMES_IN_OTHER_DRIVERS = {
    "efm": "host_monitoring",
    "efm2": "host_monitoring_v2",
    "failover2": "failover_v2",
    "readWriteSplitting": "read_write_splitting",
}
# Plugins that sign in with a company's identity provider.
FEDERATED = ("federated_auth", "okta")
INSTEAD_OF_FEDERATED = "DB_IAM_REGION signs in by the role of the computer"
NEEDS_OWN_POOL = (
    "least_connections needs the driver's pool, which Ledger does not use; write round_robin or"
    " random"
)
# Plugins that choose a server for reading.
SPLITTING = frozenset({"gdb_rw", "read_write_splitting", "srw"})
ENDPOINTS_OF_SRW = ("srw_read_endpoint", "srw_write_endpoint")
FASTEST, FASTEST_PLUGIN = "fastest_response", "fastest_response_strategy"
# Plugins that find the next writer. `limitless` has no failover, because it has no single writer.
FAILOVER = frozenset({"failover", "failover_v2", "gdb_failover", "limitless"})
DRIVER_OPTIONS = {
    # With this option, the driver reads the list of servers when it connects. Without it, the
    # driver would read the list only when a page needs it.
    "enable_connect_failover": True,
    # After this time, Ledger shows the page for a failed database, which tries again.
    "failover_timeout_sec": 10,
    # The time for attempts to connect to one server. With the driver's default of 30 seconds, the
    # driver could try a dead server for longer than a failover takes.
    "open_connection_retry_timeout_ms": 2_000,
}

# Options of the driver that Ledger sets itself. The setting on the right determines the value.
SETTING_INSTEAD = {
    "user": "DATABASE_URL",
    "password": "DATABASE_URL",
    "database": "DATABASE_URL",
    "connect_timeout": "LEDGER_CONNECT_TIMEOUT",
    "plugins": "DB_AWS_PLUGINS",
    "wrapper_plugins": "DB_AWS_PLUGINS",
    "wrapperPlugins": "DB_AWS_PLUGINS",
    "iam_region": "DB_IAM_REGION",
    "iam_expiration": "DB_IAM_REGION",  # a token expires after 900 seconds
    "secrets_manager_secret_id": "DB_SECRET_ID",
    "secrets_manager_region": "DB_SECRET_REGION",
    "secrets_manager_expiration": "DB_SECRET_ID",
    **dict.fromkeys(
        ("enable_telemetry", "telemetry_submit_toplevel", "telemetry_traces_backend",
         "telemetry_metrics_backend", "telemetry_failover_additional_top_trace"),
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ),
}  # fmt: skip
# Similarity, 0 to 1: failoverTimeout, an option of the driver for Java, has 0.86.
MIN_SIMILARITY = 0.75
PSYCOPG_HINT = "; options of psycopg belong in DATABASE_URL or DB_OPTIONS"
STRATEGY = "_host_selector_strategy"  # the names of options for a strategy end with this text
# The driver's other values for these options choose a reader, which cannot book payments.
WRITER_VALUES: dict[str, Sequence[str]] = {
    "active_home_failover_mode": ("strict-writer",),
    "endpoint_substitution_role": ("writer", "none"),
    "failover_mode": ("strict_writer",),
    "inactive_home_failover_mode": ("strict-writer",),
    "srw_verify_initial_connection_type": ("writer",),
    "verify_opened_connection_type": ("writer", "none"),
}
ONLY_THE_WRITER = " (a bank needs the server that takes writes)"
# All options with a fixed set of values. The driver refuses other values at each connection, or
# ignores them.
VALUES: dict[str, Sequence[str]] = {
    **WRITER_VALUES,
    "default_host_availability_strategy": ("exponential_backoff",),
    "inactive_cluster_writer_endpoint_substitution_role": ("writer", "none"),
    "verify_inactive_cluster_writer_endpoint_connection_type": ("writer", "none"),
    "wrapper_dialect": ("aurora-pg", "global-aurora-pg", "multi-az-pg", "pg", "rds-pg"),
}
# Options for the connections with which plugins watch servers, such as monitoring-connect_timeout.
MONITOR_OPTIONS = (
    "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
    "tcp_user_timeout",
)  # fmt: skip
# Options that are true or false. The driver's default, None, does not show this.
FLAGS = ("tcp_keepalive",)
# Options that are whole numbers. The driver's defaults do not show this.
NUMBERS = (
    "socket_timeout", "tcp_keepalive_time", "tcp_keepalive_interval", "tcp_keepalive_probes",
    "iam_default_port", "host_availability_strategy_max_retries",
    "host_availability_strategy_initial_backoff_time",
)  # fmt: skip
MAX_INTEGER = 2**31 - 1


def driver(found: dict[str, Any]) -> dict[str, Any]:
    """Returns the setting ENGINE for a database, and LEDGER_DRIVER if the database uses AWS's
    driver.
    """
    if env.choice("DB_DRIVER", "libpq", ["libpq", "aws"]) == "libpq":
        for name in ("DB_AWS_PLUGINS", "DB_AWS_OPTIONS"):
            if env.text(name):
                env.refuse(name, "it is for AWS's driver, and DB_DRIVER=aws is not set")
        return {"ENGINE": "ledger.db.backend"}
    _check_driver(found)
    plugins = _plugins()
    options = dict(parse_qsl(env.text("DB_AWS_OPTIONS"), keep_blank_values=True))
    if env.text("DB_AWS_OPTIONS") and "" in (options or {"": ""}).values():
        env.refuse("DB_AWS_OPTIONS", "it has no options such as failover_timeout_sec=20&bg_id=2")
    for name, value in options.items():
        if "," in value and "=" in value:
            env.refuse("DB_AWS_OPTIONS", f"options are separated by &, and {name} has {value!r}")
        _check_option(name, value, plugins)
    if missing := [name for name in ENDPOINTS_OF_SRW if "srw" in plugins and not options.get(name)]:
        env.refuse("DB_AWS_OPTIONS", f"the plugin srw needs {' and '.join(missing)}")
    login, sign_in = _login_options(found.get("LEDGER_CREDENTIALS", {}))
    chosen = {**DRIVER_OPTIONS, **sign_in, **options, "plugins": ",".join(plugins + login)}
    return {"ENGINE": "ledger.db.aws", "LEDGER_DRIVER": chosen}


def _plugins() -> list[str]:
    found = env.items("DB_AWS_PLUGINS", DEFAULT_PLUGINS)
    for each in found:
        if setting := SIGN_IN.get(each):
            env.refuse("DB_AWS_PLUGINS", f"{setting} adds {each!r}: set that, leave this out")
        if here := NAMES_IN_OTHER_DRIVERS.get(each):
            env.refuse("DB_AWS_PLUGINS", f"{each!r} is named {here} in the driver for Python")
        if each in FEDERATED:
            env.refuse("DB_AWS_PLUGINS", f"{each!r} is not supported: {INSTEAD_OF_FEDERATED}")
        if each not in PLUGINS:
            env.refuse("DB_AWS_PLUGINS", f"{each!r} is none of {', '.join(PLUGINS)}")
    return found


def _check_option(name: str, value: str, plugins: list[str]) -> None:
    """Ends the process if AWS's driver would ignore the option or refuse it at each connection."""
    from aws_advanced_python_wrapper.utils.properties import WrapperProperties, WrapperProperty

    if setting := SETTING_INSTEAD.get(name):
        env.refuse("DB_AWS_OPTIONS", f"{setting} decides {name!r}: set that, leave this out")
    known = {
        each.name: each.default_value
        for each in vars(WrapperProperties).values()
        if isinstance(each, WrapperProperty)
    }
    of_monitor = name.removeprefix("topology-").removeprefix("monitoring-")
    if of_monitor != name and of_monitor in MONITOR_OPTIONS:
        known[name] = 0
    if name not in known:
        similar = get_close_matches(name.lower(), known, n=1, cutoff=MIN_SIMILARITY)
        hint = f"; a similar one is {similar[0]}" if similar else PSYCOPG_HINT
        env.refuse("DB_AWS_OPTIONS", f"{name!r} is no option of AWS's driver{hint}")
    if name.endswith(STRATEGY) and value == "least_connections":
        env.refuse("DB_AWS_OPTIONS", NEEDS_OWN_POOL)
    values = _strategies() if name.endswith(STRATEGY) else VALUES.get(name, [value])
    if value not in values:
        why = ONLY_THE_WRITER if name in WRITER_VALUES else ""
        env.refuse(
            "DB_AWS_OPTIONS", f"{value!r} is not a value of {name}: {', '.join(values)}{why}"
        )
    if name.endswith(STRATEGY) and value == FASTEST and FASTEST_PLUGIN not in plugins:
        env.refuse("DB_AWS_OPTIONS", f"{value!r} needs {FASTEST_PLUGIN} in DB_AWS_PLUGINS")
    default = known[name]
    if isinstance(default, bool) or name in FLAGS:
        if value.lower() not in ("true", "false"):
            env.refuse("DB_AWS_OPTIONS", f"{value!r} is not True or False, for {name}")
    elif isinstance(default, int) or name in NUMBERS:
        env.check_number("DB_AWS_OPTIONS", value, least=0, most=MAX_INTEGER, option=name)


def _strategies() -> list[str]:
    """Returns the names of the driver's strategies for choosing one of several readers."""
    from aws_advanced_python_wrapper.connection_provider import DriverConnectionProvider

    return [*DriverConnectionProvider.accepted_strategies(), FASTEST]


def _check_driver(found: dict[str, Any]) -> None:
    if not found:
        env.refuse("DB_DRIVER", "AWS's driver needs a server; name its endpoint by DATABASE_URL")
    if find_spec("aws_advanced_python_wrapper") is None:
        env.refuse("DB_DRIVER", INSTALL.format("aws-advanced-python-wrapper"))
    if env.text("DB_POOLER"):
        env.refuse("DB_DRIVER", "behind a pooler AWS's driver sees one server; leave it out")
    if "," in found["HOST"]:
        env.refuse("DB_DRIVER", "AWS's driver finds the servers itself; name only the endpoint")
    if "target_session_attrs" in found["OPTIONS"]:
        env.refuse("DB_DRIVER", "AWS's driver finds the writer; leave target_session_attrs out")


def _login_options(credentials: dict[str, str]) -> tuple[list[str], dict[str, Any]]:
    """Returns the driver's plugin for signing in, and the options of the plugin. Returns an empty
    list and an empty dict if AWS does not provide the login.
    """
    if not credentials:
        return [], {}
    region = credentials["region"]
    if "secret" not in credentials:
        return ["iam"], {"iam_region": region, "iam_expiration": KEEP_TOKEN}
    return ["aws_secrets_manager"], {
        "secrets_manager_secret_id": credentials["secret"],
        "secrets_manager_region": region,
        "secrets_manager_expiration": KEEP_SECRET,
    }


def credentials(found: dict[str, Any], *, is_local: bool) -> dict[str, Any]:
    """Returns LEDGER_CREDENTIALS for a database, or an empty dict if AWS does not provide the
    login. Ends the process if a setting is wrong.
    """
    region, secret = env.text("DB_IAM_REGION"), env.text("DB_SECRET_ID")
    if not region and not secret:
        if env.text("DB_SECRET_REGION"):
            env.refuse("DB_SECRET_REGION", "it needs DB_SECRET_ID, the name of the secret")
        return {}
    name = "DB_IAM_REGION" if region else "DB_SECRET_ID"
    if region and secret:
        env.refuse(name, "it is IAM or a secret: leave DB_IAM_REGION or DB_SECRET_ID out")
    if not found:
        env.refuse(name, "the embedded server needs no login; name a server by DATABASE_URL")
    if found.get("PASSWORD"):
        env.refuse(name, f"AWS gives out the password, so leave it out of {_where('DB_PASSWORD')}")
    _check_order(name, found)
    if find_spec("boto3") is None:
        env.refuse(name, INSTALL.format("boto3"))
    if secret:
        _check_secret(found)
        return {"LEDGER_CREDENTIALS": {"secret": secret, "region": _region_of(secret)}}
    _check_iam(region, found, is_local=is_local)
    return {"LEDGER_CREDENTIALS": {"region": region}}


def _where(part: str) -> str:
    """Returns the name of the setting with this part of the login: DATABASE_URL if it is set,
    otherwise `part`.
    """
    return "DATABASE_URL" if env.text("DATABASE_URL") else part


def _check_order(name: str, found: dict[str, Any]) -> None:
    options = found.get("OPTIONS", {})
    for option, values in OWN_ORDER.items():
        if "," in found["HOST"] and options.get(option) in values:
            env.refuse(name, f"hosts are tried in their order, so {option} cannot be {values[0]}")


def _check_secret(found: dict[str, Any]) -> None:
    if found.get("USER"):
        env.refuse(
            "DB_SECRET_ID", f"the secret names the user, so leave it out of {_where('DB_USER')}"
        )


def _region_of(secret: str) -> str:
    named = ARN.fullmatch(secret)
    region = env.text("DB_SECRET_REGION") or (named[1] if named else "")
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
    if not region:
        env.refuse(
            "DB_SECRET_REGION",
            "DB_SECRET_ID is not an ARN, which would contain the region; write a region such as"
            " eu-west-1",
            is_missing=True,
        )
    if not REGION.fullmatch(region):
        env.refuse("DB_SECRET_REGION", f"{region!r} is not a region of AWS, such as eu-west-1")
    return region


def _check_iam(region: str, found: dict[str, Any], *, is_local: bool) -> None:
    if not REGION.fullmatch(region):
        env.refuse("DB_IAM_REGION", f"{region!r} is not a region of AWS, such as eu-west-1")
    if not found.get("USER"):
        env.refuse("DB_IAM_REGION", "a token is for a user, and the settings name none")
    if not found["HOST"]:
        env.refuse("DB_IAM_REGION", "a token is for a host, and the settings name none")
    check_token("DB_IAM_REGION", found["OPTIONS"], is_local=is_local)


def check_token(name: str, options: dict[str, Any], *, is_local: bool) -> None:
    """Ends the process if an IAM token would be sent to another computer without encryption."""
    if options.get("sslmode") not in ENCRYPTED and not is_local:
        env.refuse(
            name,
            "anyone who reads a token on the network can sign in with it for 15 minutes; write"
            " sslmode=verify-full and sslrootcert=FILE",
        )
