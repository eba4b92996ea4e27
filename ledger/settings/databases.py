"""Reads the settings of the database: DATABASE_URL, or DB_NAME, DB_USER and so on. Without these
settings, Ledger uses the embedded server.

If a value is wrong or a combination is unsafe, the process stops with one message, which never
contains a password. This module also sets the options that detect a dead server
(docs/databases.md).
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any
from urllib.parse import unquote, urlsplit

import environ

from ledger import env
from ledger.db.server import libpq_variables
from ledger.settings import aws, database_options

# Ledger's names for the settings of a database server, and Elastic Beanstalk's names for the
# settings of its RDS database.
LEDGER_NAMES = {name: f"DB_{name}" for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
RDS_NAMES = {
    "NAME": "RDS_DB_NAME", "USER": "RDS_USERNAME", "PASSWORD": "RDS_PASSWORD",
    "HOST": "RDS_HOSTNAME", "PORT": "RDS_PORT",
}  # fmt: skip
# Environment variables that suggest that the user wants a database server, although Ledger does not
# read them.
SERVER_VARIABLES = tuple(
    f"{of}_{part}"
    for of in ("DB", "DATABASE", "RDS", "SQL", "PG", "POSTGRES", "POSTGRESQL", "MYSQL")
    for part in ("HOST", "HOSTNAME", "ENDPOINT", "SERVER", "URL", "URI", "NAME", "DB", "DATABASE",
                 "USER", "USERNAME", "PASSWORD", "PASS", "PORT", "SSLMODE", "SSLROOTCERT",
                 "OPTIONS", "ENGINE")
    if f"{of}_{part}" not in ("DB_NAME", "DATABASE_URL")  # Ledger reads these two
)  # fmt: skip
# Other names for the settings of a database server. User and password are optional. Names that
# begin with POSTGRES_ are not included, because they usually configure a database container.
OTHER_NAMES = {
    "HOST": re.compile(".*_(HOST|HOSTNAME|ENDPOINT|SERVER)"),
    "USER": re.compile("(DB|DATABASE)_(USER|USERNAME)"),
    "PASSWORD": re.compile("(DB|DATABASE)_(PASSWORD|PASS)"),
}
URL_NAME = re.compile(".*_(URL|URI)")
REPLICA_VARIABLES = tuple(
    pattern.format(of)
    for of in ("READ", "READER", "REPLICA", "READ_REPLICA", "SLAVE")
    for pattern in ("{}_DB_HOST", "DB_{}_HOST", "DB_HOST_{}", "DATABASE_{}_HOST", "{}_DATABASE_URL",
                    "{}_DB_URL", "DB_{}_URL", "DATABASE_URL_{}", "DATABASE_{}_URL", "{}_URL")
    if pattern.format(of) != "DATABASE_REPLICA_URL"
)  # fmt: skip
NOT_NAMED = (
    "it belongs to a database server, and neither DATABASE_URL nor DB_NAME names one; write"
    " DATABASE_URL, or DB_NAME, DB_USER, DB_PASSWORD, DB_HOST and DB_PORT; for the embedded server"
    " remove it, or set an empty DB_NAME in the environment"
)
SCHEMES = ("postgresql", "postgres", "psql", "pgsql")
OTHER_DATABASES = re.compile(
    r"(sqlite|spatialite|mysql|mariadb|oracle|mssql|postgis|cockroach|redshift|timescale|snowflake)"
    r"\w*:",
    re.ASCII,
)
ONE_DATABASE = (
    "PostgreSQL is Ledger's only database; write a URL that begins with postgresql://, or leave it"
    " out for the embedded server"
)
# Django's names of its engine for Postgres, also short and old names. Ledger replaces this engine.
ENGINE_NAMES = re.compile(r"(django\.db\.backends\.)?(postgres|postgresql(_psycopg2)?|psql|pgsql)")
# Parts of the names of other engines, and the settings that replace these engines.
INSTEAD_OF_ENGINES = {"iam": "DB_IAM_REGION", "pool": "DB_POOL", "aws": "DB_DRIVER=aws"}
ENCRYPTED = ("require", "verify-ca", "verify-full")
CHECKED = ("verify-ca", "verify-full")
# Environment variables that libpq reads if the connection option is not set.
LIBPQ_VARIABLES = {"PGSSLMODE": "sslmode", "PGSSLROOTCERT": "sslrootcert"}
PORT = re.compile(r":[0-9]+$", re.ASCII)
# The separator between replicas: white space, or a comma before the next replica. Other commas are
# part of a URL.
REPLICA_SEPARATOR = re.compile(r",?\s+|,(?=[a-z]+://|standby(?:[,\s]|$))|,$", re.ASCII)
# With this option, libpq uses the first host that accepts writes. The option is also needed for a
# single host, because DNS may still return the address of a primary that has become a standby. From
# Postgres 14 on, the option needs no query, because the server reports whether it accepts writes.
WRITER = "read-write"
NO_WRITER = (
    "its option target_session_attrs is {value!r}, and money is read and moved on a server that"
    " takes writes; write read-write or primary, or any for a single host or for several poolers"
)
SEVERAL_POOLERS = (
    "behind a pooler (DB_POOLER) libpq cannot find out which of several hosts takes writes, because"
    " a pooler repeats the first reply of its server; name one address, and change the server in"
    " the pooler; or write target_session_attrs=any if each host is a pooler in front of the server"
    " that takes writes"
)
NO_REPLICA = (
    "its option target_session_attrs is {value!r}, and a replica is a standby; leave it out, or"
    " write any for a pooler in front of the standby"
)
# A server that disappears without closing its connections (for example because a cable is cut) is
# detected after about 10 seconds. An idle connection detects the loss by three unanswered probes,
# and a busy connection by unconfirmed data. libpq uses these options only for TCP connections.
DETECT_DEAD_SERVER = {
    "keepalives_idle": 5,  # seconds; keepalives_interval is in seconds too
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
LIBPQ = "ledger.db.backend"
# In DATABASE_REPLICA_URLS, this word means the standby of the embedded server.
OWN_STANDBY = "standby"
# A replica must be a standby, and Ledger never writes to a replica. Pages work without a replica,
# so a replica is treated as dead sooner than the writer: within the replica's connect timeout.
REPLICA_OPTIONS = {
    "target_session_attrs": "standby",
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 3_000,
}
# Seconds to wait for a connection to a replica, and for a free connection in its pool. After this
# time, the writer is used instead.
REPLICA_CONNECT, REPLICA_POOL = 3, 1
READ_ONLY = "-c default_transaction_read_only=on"
# Options of the writer that are also used for a replica. The replica's URL sets the address and the
# encryption.
INHERITED = ("application_name", "connect_timeout", "prepare_threshold", "pool")
NO_URL = (
    "each is a URL that begins with postgresql://, or the word standby, for that of `make run`;"
    " write a space in a password as %20"
)
PLAINTEXT = (
    "{host} is not this computer, and sslmode={mode} may send customers' data in plain text; write"
    " {names[0]}=verify-full and {names[1]}=FILE ({names[0]}=require encrypts, but trusts any"
    " server), or DB_PLAINTEXT=True for a network that nobody else can enter"
)
IN_OPTIONS, IN_SETTINGS = ("sslmode", "sslrootcert"), ("DB_SSLMODE", "DB_SSLROOTCERT")


def database() -> dict[str, Any]:
    """Returns ENGINE, NAME, USER, PASSWORD, HOST, PORT and OPTIONS of the database server in the
    settings.

    Without a server in the settings, returns an empty dict and removes libpq's variables from the
    environment.
    """
    source = source_name()
    env.ignored_variables = []
    if not source:
        _check_no_server_is_meant()
        if not _wants_embedded():
            env.ignored_variables = [each for each in libpq_variables.NAMING if os.getenv(each)]
        aws.credentials({}, is_local=True)
        aws.driver({})
        libpq_variables.forget()
        return {}
    _check_engine()
    _check_parts(source)
    database_options.check_start_up("PGOPTIONS", os.environ.get("PGOPTIONS", ""))
    name = "DATABASE_URL" if source == "DATABASE_URL" else "DB_NAME"
    names = RDS_NAMES if source == RDS_NAMES["NAME"] else LEDGER_NAMES
    found = _checked(name, from_url(name) if name == "DATABASE_URL" else _from_parts(names))
    found |= aws.credentials(found, is_local=_is_all_local(found))
    return _with_writer_only(name, {**found, **aws.driver(found)})


def _check_engine() -> None:
    engine = env.text("DB_ENGINE")  # other projects have this setting; Ledger does not use it
    if not engine or ENGINE_NAMES.fullmatch(engine.lower()):
        return
    fitting = (own for part, own in INSTEAD_OF_ENGINES.items() if part in engine.lower())
    instead = next((f", and set {own} instead" for own in fitting), "")
    env.refuse(
        "DB_ENGINE",
        f"Ledger has its own engine, for Postgres, and cannot use {engine!r}; remove"
        f" DB_ENGINE{instead}",
    )


def _check_parts(source: str) -> None:
    """Ends the process if a part of the server, such as the host, is set only in a variable that
    Ledger does not read.
    """
    if source == "DATABASE_URL":
        return
    names = RDS_NAMES if source == RDS_NAMES["NAME"] else LEDGER_NAMES
    # Elastic Beanstalk always sets its variables, even if Ledger uses another database.
    unread = [name for name in SERVER_VARIABLES if name not in RDS_NAMES.values()]
    missing = [(others, names[part]) for part, others in OTHER_NAMES.items()]
    if not env.text(names["HOST"]):
        missing.append((URL_NAME, "DATABASE_URL"))
    for others, ours in missing:
        if not env.text(ours):
            why = f"with {source} Ledger does not read it; Ledger calls it {ours}"
            env.refuse_first(filter(others.fullmatch, unread), why)


def source_name() -> str:
    """Returns the name of the setting that selects the database: "DATABASE_URL", "DB_NAME" or
    "RDS_DB_NAME". Returns "" for the embedded server.
    """
    known = ["DATABASE_URL", "DB_NAME", *([] if _wants_embedded() else [RDS_NAMES["NAME"]])]
    return next((name for name in known if env.text(name)), "")


def _wants_embedded() -> bool:
    """Returns whether the environment contains an empty DB_NAME. An empty DB_NAME selects the
    embedded server even if a server is set in variables such as RDS_DB_NAME.
    """
    return os.environ.get("DB_NAME") == ""


def _check_no_server_is_meant() -> None:
    if not _wants_embedded():
        env.refuse_first(SERVER_VARIABLES, NOT_NAMED)


def _with_writer_only(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of a database, with an option that makes libpq connect only to a server
    that accepts writes.

    AWS's driver does not need this option, because it finds the writer itself. Behind a pooler the
    option does not work, because a pooler repeats an old reply of its server. Ends the process if
    there are several hosts behind a pooler.
    """
    options, is_pooler = found["OPTIONS"], bool(env.text("DB_POOLER"))
    is_several = len(real_hosts(found["HOST"], options)) > 1
    value = options.get("target_session_attrs", WRITER)
    if is_pooler and is_several and value != "any":
        env.refuse("DB_HOST" if name == "DB_NAME" else name, SEVERAL_POOLERS)
    is_any = value == "any" and (is_pooler or not is_several)
    if value not in (WRITER, "primary") and not is_any:
        env.refuse(_where(name), NO_WRITER.format(value=value))
    if found["ENGINE"] != LIBPQ or is_pooler:
        return found
    return {**found, "OPTIONS": {"target_session_attrs": WRITER, **options}}


def _is_all_local(found: dict[str, Any]) -> bool:
    return not remote_hosts(found["HOST"], found["OPTIONS"])


def from_url(name: str) -> dict[str, Any]:
    """Returns the parts of the URL in the setting `name`. Several hosts are separated by commas,
    and each slash in the path of a socket folder is written as %2F.
    """
    return _parsed(name, env.text(name))


def _parsed(name: str, url: str) -> dict[str, Any]:
    if OTHER_DATABASES.match(url):
        env.refuse(name, ONE_DATABASE)
    found: dict[str, Any] = env.parsed_url(name, url, environ.Env.db_url_config, SCHEMES)
    if not found["NAME"]:
        env.refuse(name, "it names no database after the host, as in //host/ledger")
    if "," in found["NAME"]:  # libpq would look for a database whose name contains a comma
        env.refuse(name, "write every host before the database's name, as in //a,b/ledger")
    parts = urlsplit(url)
    places = parts.netloc.rpartition("@")[2].split(",")
    with_port = [place for place in places if PORT.search(place)]
    if len(places) > 1 and len(with_port) not in (0, len(places)):
        env.refuse(name, "either each host has a port or none, as in //a:5432,b:5432/ledger")
    # The parser does not decode escapes, and does not remove the brackets if there are several IPv6
    # addresses.
    found["HOST"] = ",".join(unquote(PORT.sub("", place)).strip("[]") for place in places)
    # The parser also guesses the types of the options. Therefore the parser's options are not used.
    kept = {each: found[each] for each in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    return {**kept, **database_options.options(name, parts.query)}


def _from_parts(names: Mapping[str, str]) -> dict[str, Any]:
    hosts, ports = env.items(names["HOST"], "localhost"), env.items(names["PORT"], "5432")
    # "@" begins the name of an abstract socket.
    if any("://" in host or "@" in host[1:] for host in hosts):
        env.refuse(names["HOST"], "it is the name of a host; a URL belongs in DATABASE_URL")
    for port in ports:
        env.check_number(names["PORT"], port, least=1, most=env.LAST_PORT)
    if len(ports) not in (1, len(hosts)):
        env.refuse(names["PORT"], "it is one port for all hosts, or one for each")
    found = database_options.options("DB_OPTIONS", env.text("DB_OPTIONS"))
    for option in ("sslmode", "sslrootcert"):
        setting = f"DB_{option.upper()}"
        if value := env.text(setting):
            found["OPTIONS"][option] = database_options.value_of(setting, option, value)
    return {
        **found,
        **{part: env.text(names[part]) for part in ("NAME", "USER", "PASSWORD")},
        "HOST": ",".join(hosts),
        "PORT": ",".join(ports),
    }


def _checked(
    name: str, found: dict[str, Any], notice: Mapping[str, Any] = DETECT_DEAD_SERVER
) -> dict[str, Any]:
    """Returns the settings with the options that each connection needs. `notice` contains the
    options that detect a dead server. Ends the process if the encryption is not safe.
    """
    given = {**_environment_options(), **found["OPTIONS"]}
    _check_encryption(_where(name), found["HOST"], given)
    return {**found, "OPTIONS": {**notice, **given}}


def _environment_options() -> dict[str, Any]:
    """Returns the encryption options in libpq's environment variables, so that Ledger can check
    these options too.
    """
    return {
        option: database_options.value_of(variable, option, os.environ[variable])
        for variable, option in LIBPQ_VARIABLES.items()
        if variable in os.environ
    }


def replicas(writer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the entries of DATABASES for the replicas in DATABASE_REPLICA_URLS or
    DATABASE_REPLICA_URL. The keys are replica1, replica2 and so on.
    """
    if (singular := env.text("DATABASE_REPLICA_URL")) and env.text("DATABASE_REPLICA_URLS"):
        env.refuse("DATABASE_REPLICA_URL", "DATABASE_REPLICA_URLS is set too; leave this one out")
    given = REPLICA_SEPARATOR.split(singular or env.text("DATABASE_REPLICA_URLS"))
    if not any(given) and not _wants_embedded():
        env.refuse_first(
            REPLICA_VARIABLES, "nothing reads it; name replicas by URLs in DATABASE_REPLICA_URLS"
        )
    if any("://" not in url and url not in ("", OWN_STANDBY) for url in given):
        # This check comes first, because otherwise part of a password could be read as a URL.
        env.refuse("DATABASE_REPLICA_URLS", NO_URL)
    urls = enumerate(filter(None, given), start=1)
    return {f"replica{number}": _replica(url, writer) for number, url in urls}


def _replica(url: str, writer: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of the replica with this URL: the writer's settings, but read-only and
    with the server of the URL.
    """
    name, is_own = "DATABASE_REPLICA_URLS", url == OWN_STANDBY
    if is_own and not writer["LEDGER_EMBEDDED"]:
        env.refuse(
            name,
            f"{url} is the standby of the embedded server, and DATABASE_URL names another server",
        )
    found = {} if is_own else _server_of_replica(name, url)
    inherited = {key: writer["OPTIONS"][key] for key in INHERITED if key in writer["OPTIONS"]}
    inherited["connect_timeout"] = min(int(inherited["connect_timeout"]), REPLICA_CONNECT)
    if "pool" in inherited:
        inherited["pool"] = {**inherited["pool"], "timeout": REPLICA_POOL}
    options = {**inherited, **REPLICA_OPTIONS, **found.get("OPTIONS", {})}
    # A pooler refuses the option; a standby refuses writes anyway.
    if not writer.get("LEDGER_POOLER"):
        options["options"] = f"{options.get('options', '')} {READ_ONLY}".strip()
    # The login from AWS is also used for the replica, unless the replica's URL has a password.
    left_out = {"LEDGER_CREDENTIALS"} if found.get("PASSWORD") else set()
    if found and not left_out and "secret" not in writer.get("LEDGER_CREDENTIALS", {"secret": ""}):
        if not found.get("USER"):
            env.refuse(name, "a token is for a user, and the URL of a replica names none")
        aws.check_token(name, options, is_local=_is_all_local(found))
    left_out |= {"LEDGER_DRIVER"}  # AWS's driver would switch from the replica to the writer
    return {
        **{key: value for key, value in writer.items() if key not in left_out},
        **found,
        "ENGINE": writer["ENGINE"] if is_own else LIBPQ,
        "OPTIONS": options,
        "LEDGER_EMBEDDED": is_own,
        "LEDGER_REPLICA": True,
        "CONN_HEALTH_CHECKS": False,  # a read that fails on the replica is repeated on the writer
    }


def _server_of_replica(name: str, url: str) -> dict[str, Any]:
    """Returns the settings in the URL of a replica. Ends the process if the URL contains several
    servers, or if its options require a server that is not a standby.
    """
    found = _parsed(name, url)
    given = found["OPTIONS"]
    if len(real_hosts(found["HOST"], given)) > 1:
        env.refuse(name, "each URL names one server; write one URL for each, with a space between")
    value = given.get("target_session_attrs", "standby")
    if value not in ("standby", "any"):
        env.refuse(name, NO_REPLICA.format(value=value))
    return _checked(name, found, REPLICA_OPTIONS)


def _where(name: str) -> str:
    """Returns the name of the setting with the connection options."""
    return "DB_OPTIONS" if name == "DB_NAME" else name


def _check_encryption(name: str, hosts: str, options: dict[str, Any]) -> None:
    """Ends the process if data could be sent without encryption. Also ends the process if
    sslrootcert, which contains the certificates for checking the server, is missing or cannot be
    read.
    """
    mode, root = str(options.get("sslmode", "prefer")), str(options.get("sslrootcert", ""))
    named = "DB_SSLROOTCERT" if name == "DB_OPTIONS" else name
    if root and root != "system":
        env.check_readable(named, root)
    if mode in CHECKED and not root:
        env.refuse(named, f"sslmode={mode} needs sslrootcert=FILE, or system for public ones")
    if mode in ENCRYPTED or env.flag("DB_PLAINTEXT"):
        return
    if places := remote_hosts(hosts, options):
        is_in_parts = name == "DB_OPTIONS"
        names = IN_SETTINGS if is_in_parts else IN_OPTIONS
        setting = names[0] if is_in_parts else name
        env.refuse(setting, PLAINTEXT.format(host=places[0], mode=mode, names=names))


def remote_hosts(hosts: str, options: Mapping[str, Any]) -> list[str]:
    """Returns the hosts that are, or might be, another computer.

    The host of a libpq service might be another computer, because Ledger does not read libpq's
    service file.
    """
    found = [host for host in real_hosts(hosts, options) if not is_local(host)]
    if "service" in options:
        found.append(f"the host of the service {options['service']}")
    elif "PGSERVICE" in os.environ:
        found.append(f"the host of the service PGSERVICE={os.environ['PGSERVICE']}")
    return found


def real_hosts(hosts: str, options: Mapping[str, Any]) -> list[str]:
    """Returns the address to which libpq connects for each host: its `hostaddr`, or the host
    itself. Hosts in the URL have priority over the options, and the options over the environment.
    """
    names = hosts or str(options.get("host") or os.environ.get("PGHOST", ""))
    addresses = str(options.get("hostaddr") or os.environ.get("PGHOSTADDR", ""))
    pairs = zip_longest(names.split(","), addresses.split(","), fillvalue="")
    return [address or host for host, address in pairs]


def is_local(host: str) -> bool:
    """Returns whether a host is this computer: a socket (a folder or ""), localhost, or a loopback
    address.
    """
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
