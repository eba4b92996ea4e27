"""Reads the options of a database from a URL (the part after the question mark) or from DB_OPTIONS.

Each value is converted to the type that libpq or Django needs. If a value cannot work, the process
stops with a message that contains the setting, the option and a value that works.
"""

import re
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn

from ledger import env

# Options for psycopg and Django's backend. All other options are for libpq.
OTHER_OPTIONS = {"assume_role", "prepare_threshold", "server_side_binding"}
# Django's database settings that are not part of OPTIONS. A URL may contain them in lower case.
DJANGO_SETTINGS = {"conn_health_checks", "conn_max_age", "disable_server_side_cursors"}
FLAGS = {"conn_health_checks", "disable_server_side_cursors", "server_side_binding"}
DAY = 86_400
# Minimum and maximum of each number. With connect_timeout=0 or a word as the value, libpq would
# wait without a limit.
NUMBERS = {
    "conn_max_age": (0, DAY),
    "connect_timeout": (1, 600),
    "keepalives_count": (0, 1000),
    "keepalives_idle": (0, DAY),
    "keepalives_interval": (0, DAY),
    "prepare_threshold": (0, 1_000_000),
    "tcp_user_timeout": (0, DAY * 1000),
}
# Prefixes of option names of AWS's driver. The driver's documentation mixes them with libpq's
# options.
AWS_PREFIXES = (
    "cluster_", "failover", "failure_detection_", "iam_", "monitoring", "plugins", "reader_",
    "secrets_manager_", "srw_", "topology_", "wrapper_",
)  # fmt: skip
AWS_HINT = (
    "; with DB_DRIVER=aws, plugins of AWS's driver belong in DB_AWS_PLUGINS, and its options in"
    " DB_AWS_OPTIONS"
)
# Names of the encryption options in other libraries, and in drivers for other programming
# languages.
TLS_NAMES = re.compile("(db_?)?(use_?)?ssl(_?(required?|mode))?", re.IGNORECASE)
TLS_HINT = "; write sslmode=verify-full and sslrootcert=FILE, which encrypt and check the server"
# Options of other libraries and drivers, such as Prisma and JDBC, and what to do instead.
POOL_HINT = "; DB_POOL sets the size of a pool"
SCHEMA_HINT = "; Ledger's tables are in the schema public, so leave it out"
FOREIGN_HINTS = {
    **dict.fromkeys(("connection_limit", "max_connections", "pool", "pool_size"), POOL_HINT),
    "pgbouncer": "; for a pooler, set DB_POOLER=transaction",
    **dict.fromkeys(("current_schema", "currentschema", "schema", "search_path"), SCHEMA_HINT),
}
OFF_OR_ON = ("0", "1")
CHOICES = {
    "channel_binding": ("disable", "prefer", "require"),
    "gssdelegation": OFF_OR_ON,
    "gssencmode": ("disable", "prefer", "require"),
    "keepalives": OFF_OR_ON,
    "load_balance_hosts": ("disable", "random"),
    "sslcertmode": ("disable", "allow", "require"),
    "sslcompression": OFF_OR_ON,
    "ssl_max_protocol_version": ("TLSv1.2", "TLSv1.3"),
    "ssl_min_protocol_version": ("TLSv1.2", "TLSv1.3"),
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslsni": OFF_OR_ON,
    "target_session_attrs": (
        "any", "read-write", "read-only", "primary", "standby", "prefer-standby",
    ),
}  # fmt: skip
FILES = ("sslcert", "sslcrl", "sslkey")
READ_COMMITTED = (
    "rules of the database look for rows, and see rows of other transactions only at READ"
    " COMMITTED, Postgres's default level"
)
WRITES = "payments write to the database, and Ledger makes connections to replicas read-only itself"
# Options of libpq or Django with which every payment would fail.
BREAKING = {
    "atomic_requests": "services open the transaction of each payment themselves",
    "autocommit": "services open the transaction of each payment themselves",
    "client_encoding": "Django always sends UTF-8",
    "dbname": "only the URL's path or DB_NAME names the database, so that there is only one name",
    "isolation_level": READ_COMMITTED,
    "replication": "a connection for replication runs no queries with values",
}
# Settings of the server with which every payment would fail too. The option `options` can set them
# with -c.
BREAKING_SETTINGS = {
    "client_encoding": BREAKING["client_encoding"],
    "client_min_messages": "only a warning shows that the standby did not confirm a payment",
    "default_transaction_isolation": READ_COMMITTED,
    "default_transaction_read_only": WRITES,
    "row_security": "without it queries fail where policies hide rows",
    "search_path": "Ledger's tables are in the schema public",
    "session_replication_role": "any value except Postgres's default skips the rules of the books",
    "synchronous_commit": "a power cut would lose payments that were acknowledged",
    "transaction_isolation": READ_COMMITTED,
    "transaction_read_only": WRITES,
}
# Values of these options and settings that cause no harm, in lower case.
OFF, ON = {"0", "f", "false", "n", "no", "off"}, {"1", "on", "t", "true", "y", "yes"}
UTF8, LEVEL = {"unicode", "utf8", "utf-8", "utf_8"}, {"read committed"}
HARMLESS = {
    "atomic_requests": OFF,
    "autocommit": ON,
    "client_encoding": UTF8,
    "client_min_messages": {*(f"debug{n}" for n in range(1, 6)), "log", "notice", "warning"},
    "default_transaction_isolation": LEVEL,
    "default_transaction_read_only": OFF,
    "isolation_level": {*LEVEL, "read_committed", "2"},  # psycopg's name and number
    "replication": OFF,
    "row_security": ON,
    "search_path": {"public", '"public"', "$user", '"$user"'},  # the first schema of the list
    "synchronous_commit": {*ON, "local", "remote_apply", "remote_write"},
    "transaction_isolation": LEVEL,
    "transaction_read_only": OFF,
}
# Switches of a server process that have a value. The value is in the same word or in the next word.
SWITCHES_WITH_VALUE = "BCDNSWcdfhkprtv-"
WORD, ESCAPED = (
    re.compile(r"(?:\\.|[^\s\\])+", re.ASCII | re.DOTALL),
    re.compile(r"\\(.)", re.DOTALL),
)
HINTS = {"prepare_threshold": "; LEDGER_PREPARE=False prepares nothing"}


def options(setting: str, query: str) -> dict[str, Any]:
    """Returns the options in a query string such as connect_timeout=3&sslcert=FILE. The key OPTIONS
    contains the options for libpq and psycopg. The other keys are settings of Django. Ends the
    process, with a message about `setting`, if an option cannot work.
    """
    found: dict[str, Any] = {"OPTIONS": {}}
    seen = set[str]()
    for given, value in parse_qsl(query, keep_blank_values=True):
        is_of_django = given.lower() in DJANGO_SETTINGS | {"atomic_requests", "autocommit"}
        option = given.lower() if is_of_django else given
        if option in seen:
            env.refuse(setting, f"it has the option {option} twice")
        seen.add(option)
        if option in BREAKING and is_harmless(option, value):
            continue  # this is the value that Ledger uses anyway
        place = found if is_of_django else found["OPTIONS"]
        place[option.upper() if is_of_django else option] = value_of(setting, option, value)
    return found


def is_harmless(name: str, value: str) -> bool:
    """Returns whether payments work with this value of a connection option or server setting."""
    first = value.partition(",")[0] if name == "search_path" else value
    return first.strip().lower() in HARMLESS.get(name, ())


def value_of(setting: str, option: str, value: str) -> Any:
    """Returns the value of an option, converted to the right type. Ends the process, with a message
    about `setting`, if the value cannot work.
    """
    if reason := BREAKING.get(option):
        env.refuse(setting, f"{reason}; leave its option {option} out")
    if option not in OTHER_OPTIONS | DJANGO_SETTINGS and not _is_known(option):
        hint = AWS_HINT if option.startswith(AWS_PREFIXES) else ""
        hint = TLS_HINT if TLS_NAMES.fullmatch(option) else hint
        hint = FOREIGN_HINTS.get(option.lower(), hint)
        env.refuse(setting, f"libpq has no option {option!r}{hint}")
    if not value:
        env.refuse(setting, f"its option {option} has no value; write one, or leave it out")
    if option in NUMBERS:
        return _number(setting, option, value)
    if option in FLAGS:
        return _flag(setting, option, value)
    if option in CHOICES and value not in CHOICES[option]:
        _refuse(setting, option, value, f"write {' or '.join(CHOICES[option])}")
    if option == "options":
        check_start_up(setting, value, "of its option options")
    if option in FILES and ":" not in value:  # name:key is a key in an OpenSSL engine
        env.check_readable(setting, value)
    if _is_refused(option, value):
        env.refuse(setting, f"libpq does not accept the value of its option {option}")
    return value


def check_start_up(setting: str, value: str, where: str = "") -> None:
    """Ends the process if the start-up options of a session, such as -c NAME=VALUE, contain a
    setting that would make every payment fail.
    """
    for name, _given, reason in breaking_settings(value):
        env.refuse(setting, f"{reason}; leave {name} out {where}".rstrip())


def breaking_settings(value: str) -> Iterator[tuple[str, str, str]]:
    """Yields the name, the value and the reason for each setting in start-up options that would
    make every payment fail.
    """
    for name, given in _settings_in(value):
        if (reason := BREAKING_SETTINGS.get(name)) and not is_harmless(name, given):
            yield name, given, reason


def _settings_in(value: str) -> Iterator[tuple[str, str]]:
    """Yields the names and values of the settings in start-up options. Names are in lower case with
    "_" in place of "-".

    The forms are -c NAME=VALUE, -cNAME=VALUE and --NAME=VALUE. As in Postgres, other switches may
    come before -c in the same word.
    """
    words = iter([ESCAPED.sub(r"\1", word) for word in WORD.findall(value)])
    for word in words:
        for place, switch in enumerate(word) if word.startswith("-") else ():
            if place and switch in SWITCHES_WITH_VALUE:
                given = word[place + 1 :] or next(words, "")
                if switch in "c-":
                    name, _, setting = given.partition("=")
                    yield name.replace("-", "_").lower(), setting
                break


def _number(setting: str, option: str, value: str) -> int:
    least, most = NUMBERS[option]
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        hint = HINTS.get(option, "")
        _refuse(setting, option, value, f"write a whole number from {least} to {most}{hint}")
    return int(value)


def _flag(setting: str, option: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        _refuse(setting, option, value, "write True or False")
    return value.lower() == "true"


def _refuse(setting: str, option: str, value: str, what: str) -> NoReturn:
    env.refuse(setting, f"its option {option} is {value!r}; {what}")


def _is_known(option: str) -> bool:
    try:
        make_conninfo("", **{option: "1"})
    except psycopg.ProgrammingError:
        return False
    return True


def _is_refused(option: str, value: str) -> bool:
    """Returns whether libpq refuses the value of an option before it connects. Returns False for
    options that libpq does not check.
    """
    if option not in ("max_protocol_version", "min_protocol_version", "require_auth"):
        return False
    tried = PGconn.connect_start(make_conninfo("", host="/", **{option: value}).encode())
    message = tried.error_message
    tried.finish()
    return message.startswith(b"invalid")
