"""Reads settings from the environment or `.env`, and refuses wrong values in one sentence.

An empty value counts as not set. Error messages never contain the values of URLs and keys,
because they hold passwords.
"""

import difflib
import fcntl
import ipaddress
import os
import re
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from decouple import Config, RepositoryEmpty, RepositoryEnv
from django.core.checks.security.base import SECRET_KEY_INSECURE_PREFIX
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from django.http.request import split_domain_port

from ledger.db.server.embedded import make_data_dir

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = BASE_DIR / ".env"
# With any other exit code gunicorn would restart its workers for ever.
GUNICORN_BOOT_ERROR = 3
# Commands that need a bank that exists, or none: where there is none, they leave nothing behind.
MAKE_NO_DATA = frozenset({"failover", "standby", "stop_db", "help", "version"})
ALIKE = 0.8  # of 1: a mistyped name
# Read by compose.yaml, scripts and tests.
OF_OTHERS = re.compile(
    "LEDGER_(SHELL|VENV|IMAGE|CONF|SEED|BERKA|CI_SLICE|FAULT_.*"
    "|(OWNER|WEB|WORKER|REPLICATION)_PASSWORD)"
)
# Read only where DB_NAME names the server.
OF_A_SERVER = {
    f"DB_{part}"
    for part in ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS", "PLAINTEXT", "SSLMODE",
                 "SSLROOTCERT")
}  # fmt: skip
# Lines of .env.
LINE = re.compile(r"\s*((export|set)\s+)?[A-Za-z_][A-Za-z0-9_.-]*\s*=", re.ASCII)
BEFORE_A_NAME = re.compile(r"^(export|set)\s+", re.ASCII)
FIGURE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
# A name, one of all below it (.bank.example), an address, or any.
HOST = re.compile(r"\*|\.?[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\]", re.ASCII)
ADDRESS = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", re.ASCII)
EMAIL = re.compile(r"[^\s@:/]+@[^\s@:/]+", re.ASCII)
CONTACT = re.compile(r"(mailto:[^\s@]+@[^\s@]+|https://\S+)", re.ASCII)
ADDRESS_NEEDED = (
    "links in mails need it on a database server of your own, such as https://bank.example, or on"
    " this computer http://localhost:8000"
)
# Mixes of settings that are each right, but not together.
HTTPS_NEEDED = (
    "LEDGER_URL begins with https://, and without LEDGER_HTTPS=True cookies go over plain HTTP too;"
    " behind a proxy that ends HTTPS, set LEDGER_BEHIND_PROXY=True as well"
)
NO_PUBLIC_DEMO = (
    "everybody knows the passwords of the demo's staff, and LEDGER_URL or ALLOWED_HOSTS has a host"
    " that others reach; `make run` sets it, so start a public site by `manage.py serve`, on a"
    " database without demo data"
)
NO_SQL_FOR_CUSTOMERS = (
    "customers no longer query by SQL: they have /explorer/browse/ for their own money; set staff"
    " for the bank's analysts, or off"
)
NO_PRIVATE_WEBHOOKS = (
    "customers could send requests to servers of the bank's own network; it is for a bank on one's"
    " own computer, without LEDGER_HTTPS"
)
NO_PROXY_FOR_IDS = (
    "without LEDGER_BEHIND_PROXY=True no proxy writes X-Request-ID, so clients would choose the ids"
    " of the log and of the history"
)
MAIL_NEEDED = (
    "with HTTPS, codes and links to new passwords would go to the log; name a mail server, such as"
    " smtp+tls://user:password@host:587, or consolemail:// if the log is where you want them"
)
NO_PUBLIC_HTTP = (
    "others reach this address, and over plain HTTP passwords and cookies can be read on the way;"
    " take https:// with LEDGER_HTTPS=True"
)
NO_PUBLIC_DEBUG = (
    "its error pages show code, and the database is one of your own with hosts that others reach;"
    " turn it off, or leave only localhost in ALLOWED_HOSTS and LEDGER_URL"
)
ESCAPES = "write @ / ? # % in a password as %40 %2F %3F %23 %25"
OR_IN_PARTS = (
    "; DB_PASSWORD, with DB_NAME, DB_USER and DB_HOST in place of DATABASE_URL, takes a password as"
    " it is"
)
LAST_PORT = 65535
LOCAL_ENDS = (".localhost", ".local", ".test", ".internal")
# As Django's `check --deploy` has them (security.W009).
SHORTEST_SECRET, FEWEST_LETTERS = 50, 5
LOG_FORMATS = ("text", "json")
SHORTEST_TOKEN, PRINTABLE = 32, re.compile(r"[!-~]+", re.ASCII)


def refuse(name: str, why: str) -> NoReturn:
    """Exit with one sentence instead of a traceback."""
    _stop(f"The setting {name} is wrong: {why}.")


def refuse_first(names: Iterable[str], why: str) -> None:
    """Stops at the first of these names, also behind DJANGO_, that is set. What Kubernetes writes
    for a service of that name, as tcp://10.0.0.1:5432, is no setting.
    """
    for given in (prefix + name for name in names for prefix in ("", "DJANGO_")):
        value = _config(given, default="").strip()
        if value and not value.startswith(("tcp://", "udp://")):
            refuse(given, why)


def _stop(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(GUNICORN_BOOT_ERROR)


def env_file(file: Path) -> Any:
    """Returns the settings of a file of lines NAME=value, also as a shell has them: export
    NAME=value. Raises ValueError for any other line, because a setting that is not read would mean
    the embedded server.
    """
    for number, line in enumerate(file.read_text("utf-8-sig").split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#") and not LINE.match(line):
            raise ValueError(f"line {number} is not of the form NAME=value")
    found = RepositoryEnv(file, "utf-8-sig")
    found.data = {BEFORE_A_NAME.sub("", name): value for name, value in found.data.items()}
    return found


def _open_config() -> Config:
    try:
        return Config(env_file(ENV_FILE) if ENV_FILE.exists() else RepositoryEmpty())
    except (OSError, ValueError) as err:
        _stop(f"The file {ENV_FILE} cannot be read: {err}.")


_config = _open_config()
_asked: set[str] = set()
# What other Django projects call some of them.
OF_OTHER_PROJECTS = {
    "AWS_PLUGINS": "DB_AWS_PLUGINS",
    "AWS_STORAGE_BUCKET_NAME": "LEDGER_ATTACHMENTS_BUCKET",
    "AWS_S3_REGION_NAME": "LEDGER_ATTACHMENTS_REGION",
    "AWS_S3_ENDPOINT_URL": "LEDGER_ATTACHMENTS_ENDPOINT",
    "AWS_S3_BUCKET": "LEDGER_ATTACHMENTS_BUCKET",
    "DATABASE": "DATABASE_URL",
    "DB_SECRET_ARN": "DB_SECRET_ID",
    "DB_SECRET_NAME": "DB_SECRET_ID",
    "DB_IAM_AUTH": "DB_IAM_REGION",
    "DB_POOL_SIZE": "DB_POOL",
    "DB_CLUSTER_ENDPOINT": "DB_HOST",
    "DB_WRITER_HOST": "DB_HOST",
    "EMAIL_BACKEND": "EMAIL_URL",
    "REDIS_URL": "CACHE_URL",
    "SECURE_SSL_REDIRECT": "LEDGER_HTTPS",
    "SITE_URL": "LEDGER_URL",
    "USE_X_FORWARDED_HOST": "LEDGER_BEHIND_PROXY",
}


def unread() -> dict[str, str]:
    """Names that look like settings, or are those of other projects, and that nothing has asked
    for, each with the setting that was meant; "" where none is like it.
    """
    values = beginning_with("LEDGER_") | beginning_with("DB_")
    given = {name for name, value in values.items() if value}
    known = _asked | OF_A_SERVER
    strange = sorted(name for name in given - known if not OF_OTHERS.fullmatch(name))
    near = {name: difflib.get_close_matches(name, known - given, 1, ALIKE) for name in strange}
    others = {
        name: own
        for name, own in OF_OTHER_PROJECTS.items()
        if _config(name, default="") and not _config(own, default="")
    }
    return {name: found[0] if found else "" for name, found in near.items()} | others


def text(name: str, default: str = "") -> str:
    _asked.add(name)
    if value := _config(name, default="").strip():
        return str(value)
    if _config(f"DJANGO_{name}", default="").strip():  # as other projects call it
        refuse(f"DJANGO_{name}", f"Ledger calls it {name}")
    return default


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name, str(default))
    try:
        return bool(Config(RepositoryEmpty())._cast_boolean(value))
    except ValueError:
        refuse(name, f"{value!r} is neither True nor False")


def number(name: str, default: int, *, least: int, most: int) -> int:
    return check_number(name, text(name, str(default)), least=least, most=most)


def check_number(name: str, value: str, *, least: int, most: int) -> int:
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        refuse(name, f"{value!r} is not a whole number from {least} to {most}")
    return int(value)


def choice(name: str, default: str, among: Iterable[str]) -> str:
    value, known = text(name, default), list(among)
    if value not in known:
        named = [each for each in known if each]
        refuse(name, f"{value!r} is {'none of ' if len(named) > 1 else 'not '}{', '.join(named)}")
    return value


def items(name: str, default: str = "") -> list[str]:
    """A list, separated by commas."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def hosts(name: str, default: str) -> list[str]:
    """Names of hosts, as ALLOWED_HOSTS of Django has them."""
    found = items(name, default)
    for host in found:
        if not HOST.fullmatch(host):
            refuse(name, f"{host!r} is no host; write names such as bank.example, without https://"
                         " and a port, and commas between them")  # fmt: skip
    return found


def beginning_with(prefix: str) -> dict[str, str]:
    """Every variable whose name begins so, of `.env` and the environment, blank ones as ""."""
    found = {**_config.repository.data} if hasattr(_config.repository, "data") else {}
    found |= os.environ
    return {name: value.strip() for name, value in found.items() if name.startswith(prefix)}


def amounts_by_currency(name: str, default: str) -> dict[str, Decimal]:
    """Amounts such as "10000,JPY=1500000": one for all currencies, under "*", and some by code."""
    found: dict[str, Decimal] = {}
    for item in items(name, default):
        code, is_named, figure = item.rpartition("=")
        if not FIGURE.fullmatch(figure) or (is_named and not CURRENCY.fullmatch(code)):
            refuse(name, f"{item!r} is neither an amount nor one for a currency, like JPY=1500000")
        if re.search(r"\.[0-9]{3}$", figure):
            refuse(name, f"{item!r} may be thousands or three decimals; write 10000, or 10.00")
        if (code or "*") in found:
            whom = code or "all currencies"
            refuse(name, f"it has two amounts for {whom}; write 10000, without a comma in a number")
        found[code or "*"] = Decimal(figure)
    if "*" not in found:
        refuse(name, "it has no amount for all other currencies, such as 10000")
    return found


def origins(name: str) -> list[str]:
    found = items(name)
    for origin in found:
        if not origin.startswith(("https://", "http://")):
            refuse(name, f"{origin!r} does not begin with https:// or http://")
        if origin.partition("://")[2].startswith("*") and origin.count(".") < 2:
            refuse(name, f"{origin!r} is anybody's site; name the hosts")
    return found


def address(name: str) -> str:
    """The address of a site, such as https://bank.example, without a path; "" if it is not set."""
    value = text(name).rstrip("/")
    if value and not ADDRESS.fullmatch(value):
        refuse(name, "it is not an address such as https://bank.example, without a path")
    return value


def is_public(place: str) -> bool:
    """Whether others may reach a host, or the host of an address. False for "", names without a dot
    and addresses of this computer or a private network.
    """
    if place == "*":
        return True
    host = split_domain_port(place.partition("://")[2] or place)[0].strip("[]")
    try:
        return not ipaddress.ip_address(host).is_private
    except ValueError:
        return "." in host.strip(".") and not host.endswith(LOCAL_ENDS)


def contact(name: str) -> str:
    """A mailto: or https: URL; "" if it is not set. A bare email address becomes mailto:."""
    value = text(name)
    value = f"mailto:{value}" if EMAIL.fullmatch(value) else value
    if value and not CONTACT.fullmatch(value):
        refuse(name, "it is no email address and no https:// URL")
    return value


def reachable(name: str) -> str:
    """What people read of whom to ask: with an email address, a number or an https: URL."""
    value = text(name)
    if value and not re.search(r"\S@\S|https://\S|([0-9][ ()./-]*){5}", value, re.ASCII):
        refuse(name, "it has no email address, telephone number or https:// URL to ask")
    return value


def email(name: str) -> str:
    """An email address; "" if it is not set."""
    value = text(name)
    if value and not EMAIL.fullmatch(value):
        refuse(name, "it is no email address")
    return value


# Zones with summer time for Python, but abbreviations of a fixed offset for Postgres.
NOT_THE_SAME = ("CET", "EET", "MET", "WET")


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    if value in NOT_THE_SAME:
        refuse(name, f"{value} has no summer time in Postgres; name a city, such as Europe/Paris")
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        refuse(name, f"{value!r} is no time zone of the IANA database, such as Europe/Lisbon")
    return value


def url(
    name: str, parse: Callable[[str], dict[str, Any]], schemes: Iterable[str]
) -> dict[str, Any]:
    """A URL parsed by django-environ; empty if it is not set."""
    value = text(name)
    return parsed_url(name, value, parse, schemes) if value else {}


def parsed_url(
    name: str, value: str, parse: Callable[[str], dict[str, Any]], schemes: Iterable[str]
) -> dict[str, Any]:
    """A URL out of the setting `name`, parsed by django-environ."""
    known = list(schemes)
    if value.partition("://")[0] not in known or "://" not in value:
        refuse(name, f"it does not begin with {' or '.join(f'{known_}://' for known_ in known)}")
    try:
        _check_place(name, value)
        return parse(value)
    except (ValueError, KeyError, ImproperlyConfigured):
        refuse(name, "it cannot be read as a URL; special characters in a password need %-escapes")


def _check_place(name: str, value: str) -> None:
    """Refuses a URL whose password is not escaped: its parser would take a piece of the password
    for a host, an option or a port, which messages show. Raises ValueError for what is no URL.
    """
    parts = urlsplit(value)
    if parts.fragment or "@" in parts.path + parts.query:
        refuse(name, ESCAPES + (OR_IN_PARTS if name == "DATABASE_URL" else ""))
    for place in parts.netloc.rpartition("@")[2].split(","):
        port = "" if place.endswith("]") else place.partition("]")[2] or place
        port = port.partition(":")[2]
        if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= LAST_PORT):
            refuse(name, f"the port after a host is not a whole number from 1 to {LAST_PORT}")


def data_dir(name: str, default: Path) -> Path:
    """A folder, created if it is missing, unless the command makes no data. A relative path starts
    at the project.
    """
    folder = BASE_DIR / Path(text(name, str(default))).expanduser()
    try:
        if not _makes_no_data():
            make_data_dir(folder)
    except OSError as err:
        refuse(name, f"the folder {folder} cannot be created: {err.strerror}")
    return folder


def _makes_no_data() -> bool:
    """Whether this process is one of MAKE_NO_DATA."""
    program, *arguments = sys.argv or [""]
    return Path(program).name == "manage.py" and not MAKE_NO_DATA.isdisjoint(arguments[:1])


def file(name: str) -> str:
    """The path of a file that can be read; "" if it is not set."""
    path = text(name)
    if path:
        check_readable(name, path)
    return path


def check_readable(name: str, path: str) -> None:
    if not os.access(path, os.R_OK):
        refuse(name, f"the file {path} cannot be read")


def secret_key(name: str, folder: Path) -> str:
    """The key from the environment, or one created once in `folder`, readable by its owner only. A
    command that makes no data gets one for itself where there is none.
    """
    file = folder / "secret_key"
    given = text(name)
    if given and _can_be_guessed(given):
        refuse(name, f"it can be guessed; take {SHORTEST_SECRET} random characters or more")
    try:
        return given or _stored_secret(file)
    except OSError as err:
        refuse(name, f"it is not set, and {file} cannot be used instead: {err.strerror}")


def tokens(name: str) -> list[str]:
    """Secrets that a program shows to be let in, separated by commas."""
    found = items(name)
    if any(len(token) < SHORTEST_TOKEN or len(set(token)) < FEWEST_LETTERS for token in found):
        refuse(name, f"a token can be guessed; take {SHORTEST_TOKEN} random characters or more")
    if not all(PRINTABLE.fullmatch(token) for token in found):
        refuse(name, "a token has a character that no header can have; take letters and digits")
    return found


def old_secret_keys(name: str) -> list[str]:
    """Earlier secret keys, separated by commas: what they signed or encrypted stays readable."""
    keys = items(name)
    if any(_can_be_guessed(key) for key in keys):
        refuse(name, f"a key in it can be guessed; each has {SHORTEST_SECRET} characters or more")
    return keys


def _can_be_guessed(key: str) -> bool:
    is_weak = len(key) < SHORTEST_SECRET or len(set(key)) < FEWEST_LETTERS
    return is_weak or key.startswith(SECRET_KEY_INSECURE_PREFIX)


def _stored_secret(file: Path) -> str:
    try:
        if stored := file.read_text().strip():
            return stored
    except FileNotFoundError:
        if _makes_no_data():
            return get_random_secret_key()
    # Two processes may start for the first time at once: the second reads the first one's key.
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stored = stream.read().strip()
        if not stored:
            stored = get_random_secret_key()
            stream.write(stored)
        return stored
