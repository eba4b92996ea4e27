"""The database, as DATABASE_URL or DB_NAME, DB_USER ... name it; without them, the embedded server.

Wrong values and unsafe mixes stop the start with one sentence, which never holds a password. What
a connection needs to notice a dead server is set here for all of them (docs/databases.md).
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any
from urllib.parse import unquote, urlsplit

import environ

from ledger import aws_settings, database_options, env
from ledger.db.server import libpq_variables

# How Ledger names the parts of a server, and how Elastic Beanstalk names those of its RDS.
OF_LEDGER = {name: f"DB_{name}" for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
OF_RDS = {
    "NAME": "RDS_DB_NAME", "USER": "RDS_USERNAME", "PASSWORD": "RDS_PASSWORD",
    "HOST": "RDS_HOSTNAME", "PORT": "RDS_PORT",
}  # fmt: skip
# What somebody has set who means a server that Ledger would not use.
OF_A_SERVER = tuple(
    f"{of}_{part}"
    for of in ("DB", "DATABASE", "RDS", "SQL", "PG", "POSTGRES", "POSTGRESQL", "MYSQL")
    for part in ("HOST", "HOSTNAME", "ENDPOINT", "SERVER", "URL", "URI", "NAME", "DB", "DATABASE",
                 "USER", "USERNAME", "PASSWORD", "PASS", "PORT", "SSLMODE", "SSLROOTCERT",
                 "OPTIONS", "ENGINE")
    if f"{of}_{part}" not in ("DB_NAME", "DATABASE_URL")  # which name the server
)  # fmt: skip
# Other names of the parts of a server. User and password may be missing, and those of POSTGRES_ are
# of a container beside.
OTHER_NAMES = {
    "HOST": re.compile(".*_(HOST|HOSTNAME|ENDPOINT|SERVER)"),
    "USER": re.compile("(DB|DATABASE)_(USER|USERNAME)"),
    "PASSWORD": re.compile("(DB|DATABASE)_(PASSWORD|PASS)"),
}
OF_A_URL = re.compile(".*_(URL|URI)")
OF_A_REPLICA = tuple(
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
OF_OTHERS = re.compile(r"(sqlite|spatialite|mysql|mariadb|oracle|mssql)\w*:", re.ASCII)
ONE_DATABASE = (
    "PostgreSQL is Ledger's only database; write a URL that begins with postgresql://, or leave it"
    " out for the embedded server"
)
ENCRYPTED = ("require", "verify-ca", "verify-full")
CHECKED = ("verify-ca", "verify-full")
# What libpq takes from the environment where no option says it.
OF_ENVIRONMENT = {"PGSSLMODE": "sslmode", "PGSSLROOTCERT": "sslrootcert"}
PORT = re.compile(r":[0-9]+$", re.ASCII)
# Between replicas: a space, or a comma before another of them; any other comma is part of a URL.
BETWEEN = re.compile(r",?\s+|,(?=[a-z]+://|standby(?:[,\s]|$))|,$", re.ASCII)
# libpq takes the first host that accepts writes. One host may be a standby too: the name of a
# primary that became one, while DNS still leads there. From Postgres 14 on this asks nothing of the
# server, which says by itself whether it takes writes.
WRITER = "read-write"
NO_WRITER = (
    "its option target_session_attrs is {value!r}, and money is read and moved on a server that"
    " takes writes; write read-write or primary, or any for one host alone or for several poolers"
)
SEVERAL_POOLERS = (
    "behind a pooler (DB_POOLER) nobody can ask which of several hosts takes writes, because it"
    " repeats what its server said once; name one address, and tell the pooler of a new server; or"
    " write target_session_attrs=any if each host is a pooler that leads to the server that takes"
    " writes"
)
NO_REPLICA = (
    "its option target_session_attrs is {value!r}, and a replica is a standby; leave it out, or"
    " write any for a pooler that stands before the standby"
)
# A server that vanishes without a word, as by a cut cable, is noticed after some 10 seconds: an
# idle connection by three probes that nobody answers, a busy one by data that nobody confirms.
# libpq heeds these on TCP alone.
NOTICE_DEAD = {
    "keepalives_idle": 5,  # seconds, as the next one
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}
LIBPQ = "ledger.db.backend"
OWN_STANDBY = "standby"  # in DATABASE_REPLICA_URLS: the one of the embedded server
# A replica has to be a standby, and no session of ours writes there. Pages can do without it, so it
# counts as dead sooner than a writer: within its connect timeout.
OF_REPLICA = {
    "target_session_attrs": "standby",
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "tcp_user_timeout": 3_000,
}
# Seconds. The writer answers for a replica that takes longer to connect, or whose pool is empty.
REPLICA_CONNECT, REPLICA_POOL = 3, 1
READ_ONLY = "-c default_transaction_read_only=on"
# What a replica takes over from the writer's options; where it is and how it is encrypted says its
# own URL.
INHERITED = ("application_name", "connect_timeout", "prepare_threshold", "pool")
NO_URL = (
    "each is a URL that begins with postgresql://, or the word standby, for that of `make run`;"
    " write a space in a password as %20"
)
PLAINTEXT = (
    "{host} is not this computer, and sslmode={mode} may send customers' data in plain text; write"
    " sslmode=verify-full and sslrootcert=FILE (sslmode=require encrypts, but believes any server),"
    " or DB_PLAINTEXT=True for a network that nobody else can enter"
)


def database() -> dict[str, Any]:
    """ENGINE, NAME, USER, PASSWORD, HOST, PORT and OPTIONS of a server of one's own; empty for
    none, and then libpq's variables of the environment are gone.
    """
    source = source_name()
    if not source:
        _check_no_server_is_meant()
        aws_settings.credentials({}, is_local=True)
        aws_settings.driver({})
        libpq_variables.forget()
        return {}
    _check_engine()
    _check_parts(source)
    database_options.check_start_up("PGOPTIONS", os.environ.get("PGOPTIONS", ""))
    name = "DATABASE_URL" if source == "DATABASE_URL" else "DB_NAME"
    names = OF_RDS if source == OF_RDS["NAME"] else OF_LEDGER
    found = _checked(name, from_url(name) if name == "DATABASE_URL" else _from_parts(names))
    found |= aws_settings.credentials(found, is_local=_is_all_local(found))
    return _asking_for_writer(name, {**found, **aws_settings.driver(found)})


def _check_engine() -> None:
    engine = env.text("DB_ENGINE")  # of other projects: here nothing reads it
    if engine and not re.search("postg|pgsql|psycopg", engine.lower()):
        env.refuse("DB_ENGINE", f"{engine!r} is not Postgres, Ledger's only database; remove it")


def _check_parts(source: str) -> None:
    """Stops at a part of the server by another name than that which is read, and is not there."""
    if source == "DATABASE_URL":
        return
    names = OF_RDS if source == OF_RDS["NAME"] else OF_LEDGER
    # Elastic Beanstalk sets its own, whatever is used.
    unread = [name for name in OF_A_SERVER if name not in OF_RDS.values()]
    missing = [(others, names[part]) for part, others in OTHER_NAMES.items()]
    if not env.text(names["HOST"]):
        missing.append((OF_A_URL, "DATABASE_URL"))
    for others, ours in missing:
        if not env.text(ours):
            why = f"beside {source} nothing reads it; Ledger calls it {ours}"
            env.refuse_first(filter(others.fullmatch, unread), why)


def source_name() -> str:
    """Returns the setting that names the database: DATABASE_URL, DB_NAME or RDS_DB_NAME; "" for the
    embedded server.
    """
    known = ["DATABASE_URL", "DB_NAME", *([] if _wants_embedded() else [OF_RDS["NAME"]])]
    return next((name for name in known if env.text(name)), "")


def _wants_embedded() -> bool:
    """Returns whether an empty DB_NAME of the environment overrides what else names a server."""
    return os.environ.get("DB_NAME") == ""


def _check_no_server_is_meant() -> None:
    if not _wants_embedded():
        env.refuse_first(OF_A_SERVER, NOT_NAMED)


def _asking_for_writer(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """The same, which connects to a server that takes writes alone. AWS's driver finds it by
    itself; a pooler repeats what its server said once, so it is not asked and stands alone.
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
    return not outside(found["HOST"], found["OPTIONS"])


def from_url(name: str) -> dict[str, Any]:
    """What the URL in the setting `name` says. Several hosts have a comma between them,
    and the folder of a socket is written with %2F for each slash."""
    return _parsed(name, env.text(name))


def _parsed(name: str, url: str) -> dict[str, Any]:
    if OF_OTHERS.match(url):
        env.refuse(name, ONE_DATABASE)
    found: dict[str, Any] = env.parsed_url(name, url, environ.Env.db_url_config, SCHEMES)
    if not found["NAME"]:
        env.refuse(name, "it names no database after the host, as in //host/ledger")
    if "," in found["NAME"]:  # libpq would look for a database of that name
        env.refuse(name, "write every host before the database's name, as in //a,b/ledger")
    parts = urlsplit(url)
    places = parts.netloc.rpartition("@")[2].split(",")
    with_port = [place for place in places if PORT.search(place)]
    if len(places) > 1 and len(with_port) not in (0, len(places)):
        env.refuse(name, "either each host has a port or none, as in //a:5432,b:5432/ledger")
    # The parser leaves escapes as they are, and the brackets of several IPv6 addresses.
    found["HOST"] = ",".join(unquote(PORT.sub("", place)).strip("[]") for place in places)
    # It also guesses the types of options.
    kept = {each: found[each] for each in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    return {**kept, **database_options.options(name, parts.query)}


def _from_parts(names: Mapping[str, str]) -> dict[str, Any]:
    hosts, ports = env.items(names["HOST"], "localhost"), env.items(names["PORT"], "5432")
    if any("://" in host or "@" in host[1:] for host in hosts):  # "@" begins an abstract socket
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
    name: str, found: dict[str, Any], notice: Mapping[str, Any] = NOTICE_DEAD
) -> dict[str, Any]:
    """The same with the options that each connection needs; stops at unsafe ones."""
    given = {**_of_environment(), **found["OPTIONS"]}
    _check_encryption(_where(name), found["HOST"], given)
    return {**found, "OPTIONS": {**notice, **given}}


def _of_environment() -> dict[str, Any]:
    """The encryption that libpq would take from the environment, said to all who look here."""
    return {
        option: database_options.value_of(variable, option, os.environ[variable])
        for variable, option in OF_ENVIRONMENT.items()
        if variable in os.environ
    }


def replicas(writer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The replicas of DATABASE_REPLICA_URLS, or of its singular, as entries of DATABASES: replica1,
    replica2 ...
    """
    if (singular := env.text("DATABASE_REPLICA_URL")) and env.text("DATABASE_REPLICA_URLS"):
        env.refuse("DATABASE_REPLICA_URL", "DATABASE_REPLICA_URLS is set too; leave this one out")
    given = BETWEEN.split(singular or env.text("DATABASE_REPLICA_URLS"))
    if not any(given) and not _wants_embedded():
        env.refuse_first(
            OF_A_REPLICA, "nothing reads it; name replicas by URLs in DATABASE_REPLICA_URLS"
        )
    if any("://" not in url and url not in ("", OWN_STANDBY) for url in given):
        env.refuse("DATABASE_REPLICA_URLS", NO_URL)  # before a piece of a password is read as one
    urls = enumerate(filter(None, given), start=1)
    return {f"replica{number}": _replica(url, writer) for number, url in urls}


def _replica(url: str, writer: dict[str, Any]) -> dict[str, Any]:
    """A database as the writer, but with the URL's server, and for reading alone."""
    name, is_own = "DATABASE_REPLICA_URLS", url == OWN_STANDBY
    if is_own and not writer["LEDGER_EMBEDDED"]:
        env.refuse(name, f"{url} is that of the embedded server, and DATABASE_URL names another")
    found = {} if is_own else _server_of_replica(name, url)
    inherited = {key: writer["OPTIONS"][key] for key in INHERITED if key in writer["OPTIONS"]}
    inherited["connect_timeout"] = min(int(inherited["connect_timeout"]), REPLICA_CONNECT)
    if "pool" in inherited:
        inherited["pool"] = {**inherited["pool"], "timeout": REPLICA_POOL}
    options = {**inherited, **OF_REPLICA, **found.get("OPTIONS", {})}
    if not writer.get("LEDGER_POOLER"):  # a pooler refuses it; a standby takes no writes anyway
        options["options"] = f"{options.get('options', '')} {READ_ONLY}".strip()
    # A login that AWS gives out is the replica's too, unless its URL has a password.
    left_out = {"LEDGER_CREDENTIALS"} if found.get("PASSWORD") else set()
    if found and not left_out and "secret" not in writer.get("LEDGER_CREDENTIALS", {"secret": ""}):
        if not found.get("USER"):
            env.refuse(name, "a token is for a user, and the URL of a replica names none")
        aws_settings.check_token(name, options, is_local=_is_all_local(found))
    left_out |= {"LEDGER_DRIVER"}  # which would leave a replica for the writer
    return {
        **{key: value for key, value in writer.items() if key not in left_out},
        **found,
        "ENGINE": writer["ENGINE"] if is_own else LIBPQ,
        "OPTIONS": options,
        "LEDGER_EMBEDDED": is_own,
        "LEDGER_REPLICA": True,
        "CONN_HEALTH_CHECKS": False,  # a read that fails is repeated on the writer
    }


def _server_of_replica(name: str, url: str) -> dict[str, Any]:
    """What its URL says; stops unless that is one server, and a standby."""
    found = _parsed(name, url)
    given = found["OPTIONS"]
    if len(real_hosts(found["HOST"], given)) > 1:
        env.refuse(name, "each URL is one server; write one for each, with a space between")
    value = given.get("target_session_attrs", "standby")
    if value not in ("standby", "any"):
        env.refuse(name, NO_REPLICA.format(value=value))
    return _checked(name, found, OF_REPLICA)


def _where(name: str) -> str:
    """The setting that has the options."""
    return "DB_OPTIONS" if name == "DB_NAME" else name


def _check_encryption(name: str, hosts: str, options: dict[str, Any]) -> None:
    """Refuses what may be read on the way, or a certificate that cannot be checked."""
    mode, root = str(options.get("sslmode", "prefer")), str(options.get("sslrootcert", ""))
    named = "DB_SSLROOTCERT" if name == "DB_OPTIONS" else name
    if root and root != "system":
        env.check_readable(named, root)
    if mode in CHECKED and not root:
        env.refuse(named, f"sslmode={mode} needs sslrootcert=FILE, or system for public ones")
    if mode in ENCRYPTED or env.flag("DB_PLAINTEXT"):
        return
    if places := outside(hosts, options):
        setting = "DB_SSLMODE" if name == "DB_OPTIONS" else name
        env.refuse(setting, PLAINTEXT.format(host=places[0], mode=mode))


def outside(hosts: str, options: Mapping[str, Any]) -> list[str]:
    """The places that are not this computer, or may not be: a service of libpq's file names its
    host there, where nobody has looked yet. libpq takes an empty PGSERVICE as a name, too.
    """
    found = [host for host in real_hosts(hosts, options) if not is_local(host)]
    if "service" in options:
        found.append(f"the host of the service {options['service']}")
    elif "PGSERVICE" in os.environ:
        found.append(f"the host of the service PGSERVICE={os.environ['PGSERVICE']}")
    return found


def real_hosts(hosts: str, options: Mapping[str, Any]) -> list[str]:
    """Where libpq goes, one place for each host: to its address where it has one. Django takes the
    host of the URL before that among the options; what the environment says fills gaps.
    """
    names = hosts or str(options.get("host") or os.environ.get("PGHOST", ""))
    addresses = str(options.get("hostaddr") or os.environ.get("PGHOSTADDR", ""))
    pairs = zip_longest(names.split(","), addresses.split(","), fillvalue="")
    return [address or host for host, address in pairs]


def is_local(host: str) -> bool:
    """Whether it is this computer: a socket (a folder, or no host), localhost or a loopback."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
