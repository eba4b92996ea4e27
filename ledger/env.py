"""Reads settings from the environment or `.env`. If a value is wrong, the process stops with one
message.

Empty values count as not set. Messages never contain the values of URLs and keys, because URLs can
contain passwords.
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
# gunicorn does not restart its workers after this exit code. After any other exit code, gunicorn
# would restart them again and again.
GUNICORN_BOOT_ERROR = 3
# Commands that never create the data folder. They need an existing bank, or no bank at all.
COMMANDS_WITHOUT_DATA = frozenset({"failover", "standby", "stop_db", "help", "version"})
MIN_SIMILARITY = 0.8  # from this similarity (0 to 1), a name is treated as a typing mistake
# Environment variables that compose.yaml, scripts and tests read.
READ_ELSEWHERE = re.compile(
    "LEDGER_(SHELL|VENV|IMAGE|CONF|SEED|BERKA|CI_SLICE|FAULT_.*"
    "|(OWNER|WEB|WORKER|REPLICATION)_PASSWORD)"
)
# Settings that Ledger reads only if DB_NAME is set.
SERVER_SETTINGS = {
    f"DB_{part}"
    for part in ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS", "PLAINTEXT", "SSLMODE",
                 "SSLROOTCERT")
}  # fmt: skip
# Settings that Ledger does not read if DATABASE_URL is set.
REPLACED_BY_URL = SERVER_SETTINGS - {"DB_PLAINTEXT"} | {"DB_NAME"}
# Hints for settings that Ledger does not read.
REMOVE = "Remove it; .env.example has all settings."
# Settings of earlier versions. A hint to a similar name would be wrong.
REMOVED = {
    "LEDGER_FOUR_EYES_HOURS", "LEDGER_IDLE_TIMEOUT", "LEDGER_MAIL_TIMEOUT", "LEDGER_READ_TIMEOUT",
    "LEDGER_STEP_UP_MINUTES", "LEDGER_TRANSACTION_TIMEOUT",
}  # fmt: skip
URL_IS_SET = "DATABASE_URL is set and replaces them. Remove DATABASE_URL or the others."
EMBEDDED_IS_USED = (
    "Ledger uses the embedded server. For another server, set DATABASE_URL, or DB_NAME, DB_USER,"
    " DB_PASSWORD, DB_HOST and DB_PORT. For the embedded server, set an empty DB_NAME"
    " in the environment."
)
# A line of .env that contains a setting.
LINE = re.compile(r"\s*((export|set)\s+)?[A-Za-z_][A-Za-z0-9_.-]*\s*=", re.ASCII)
EXPORT_PREFIX = re.compile(r"^(export|set)\s+", re.ASCII)
AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
# A host name, a domain with its subdomains (.bank.example), an IP address, or * for any host.
HOST = re.compile(r"\*|\.?[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\]", re.ASCII)
ADDRESS = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", re.ASCII)
EMAIL = re.compile(r"[^\s@:/]+@[^\s@:/]+", re.ASCII)
CONTACT = re.compile(r"(mailto:[^\s@]+@[^\s@]+|https://\S+)", re.ASCII)
ADDRESS_NEEDED = (
    "links in mails need it if you use your own database server, such as https://bank.example, or"
    " on this computer http://localhost:8000"
)
# Messages for values that are valid separately, but not in combination.
HTTPS_NEEDED = (
    "LEDGER_URL begins with https://, and without LEDGER_HTTPS=True cookies go over plain HTTP too;"
    " behind a proxy that ends HTTPS, set LEDGER_BEHIND_PROXY=True as well"
)
NO_PUBLIC_DEMO = (
    "everybody knows the passwords of the demo's staff, and LEDGER_URL or ALLOWED_HOSTS contains a"
    " host that others can reach; `make run` sets it, so start a public site by `manage.py serve`,"
    " on a database without demo data"
)
NO_SQL_FOR_CUSTOMERS = (
    "customers can no longer use SQL; they see their own money at /explorer/browse/; write staff"
    " for the bank's analysts, or off"
)
NO_PRIVATE_WEBHOOKS = (
    "customers could send requests to servers in the bank's network; use it only for a bank on your"
    " own computer, without LEDGER_HTTPS"
)
NO_PROXY_FOR_IDS = (
    "without LEDGER_BEHIND_PROXY=True no proxy writes X-Request-ID, so clients could choose the ids"
    " in the log and in the history"
)
MAIL_NEEDED = (
    "with HTTPS, codes and links for new passwords would be written into the log; name a mail"
    " server, such as smtp+tls://user:password@host:587, or write consolemail:// if you want them"
    " in the log"
)
NO_PUBLIC_HTTP = (
    "others can reach this address, and over plain HTTP others on the network can read passwords"
    " and cookies; use https:// with LEDGER_HTTPS=True"
)
NO_PUBLIC_DEBUG = (
    "its error pages show code, and the site has its own database server and hosts that others can"
    " reach; turn it off, or leave only localhost in ALLOWED_HOSTS and LEDGER_URL"
)
ESCAPES = "write / @ # ? % [ ] in a password as %2F %40 %23 %3F %25 %5B %5D"
OR_IN_PARTS = (
    "; or use DB_NAME, DB_USER, DB_PASSWORD and DB_HOST in place of DATABASE_URL, where a password"
    " needs no escapes"
)
LAST_PORT = 65535
LOCAL_SUFFIXES = (".localhost", ".local", ".test", ".internal")
# The same limits as in Django's `check --deploy` (security.W009).
MIN_SECRET_LENGTH, MIN_DIFFERENT_CHARACTERS = 50, 5
LOG_FORMATS = ("text", "json")
MIN_TOKEN_LENGTH, PRINTABLE = 32, re.compile(r"[!-~]+", re.ASCII)


def refuse(name: str, why: str, *, is_missing: bool = False) -> NoReturn:
    """Ends the process with a message about the setting `name`, without a traceback."""
    _stop(f"The setting {name} is {'missing' if is_missing else 'wrong'}: {why}.")


def refuse_first(names: Iterable[str], why: str) -> None:
    """Ends the process with a message if one of these settings has a value, with or without the
    prefix DJANGO_. Ignores values such as tcp://10.0.0.1:5432, which Kubernetes sets for a service
    with the same name.
    """
    for given in (prefix + name for name in names for prefix in ("", "DJANGO_")):
        value = _config(given, default="").strip()
        if value and not value.startswith(("tcp://", "udp://")):
            refuse(given, why)


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(GUNICORN_BOOT_ERROR)


def env_file(file: Path) -> Any:
    """Returns the settings in a file. Each line is NAME=value, export NAME=value or set NAME=value.

    Raises ValueError for any other line. If a line with the database were ignored, Ledger would use
    the embedded server by mistake.
    """
    for number, line in enumerate(file.read_text("utf-8-sig").split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#") and not LINE.match(line):
            raise ValueError(f"line {number} is not of the form NAME=value")
    found = RepositoryEnv(file, "utf-8-sig")
    found.data = {EXPORT_PREFIX.sub("", name): value for name, value in found.data.items()}
    return found


def _open_config() -> Config:
    try:
        return Config(env_file(ENV_FILE) if ENV_FILE.exists() else RepositoryEmpty())
    except (OSError, ValueError) as err:
        _stop(f"The file {ENV_FILE} cannot be read: {err}.")


_config = _open_config()
_read_names: set[str] = set()
# Variables of libpq that name a server, although the embedded server is used.
ignored_variables: list[str] = []
# Names of settings in other Django projects, and the names of these settings in Ledger.
NAMES_IN_OTHER_PROJECTS = {
    "AWS_PLUGINS": "DB_AWS_PLUGINS",
    "AWS_STORAGE_BUCKET_NAME": "LEDGER_ATTACHMENTS_BUCKET",
    "AWS_S3_REGION_NAME": "LEDGER_ATTACHMENTS_REGION",
    "AWS_S3_ENDPOINT_URL": "LEDGER_ATTACHMENTS_ENDPOINT",
    "AWS_S3_BUCKET": "LEDGER_ATTACHMENTS_BUCKET",
    "DATABASE": "DATABASE_URL",
    "DB_SECRET_ARN": "DB_SECRET_ID",
    "DB_SECRET_NAME": "DB_SECRET_ID",
    "DB_IAM_AUTH": "DB_IAM_REGION",
    "DB_USE_IAM": "DB_IAM_REGION",
    "DB_USE_IAM_AUTH": "DB_IAM_REGION",
    "DB_SSL": "DB_SSLMODE",
    "DB_SSL_CA": "DB_SSLROOTCERT",
    "DB_CA_CERT": "DB_SSLROOTCERT",
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
    """Returns a dict from names of settings to what the user should do. The names have a value, but
    Ledger does not read them:

    - names with the prefix of Ledger's settings, and names that other projects use
    - parts of a database server, such as DB_HOST, if DATABASE_URL is set. One key contains all of
      them.
    - the names in `ignored_variables`. One key contains all of them.
    """
    values = beginning_with("LEDGER_") | beginning_with("DB_")
    given = {name for name, value in values.items() if value}
    known = _read_names | SERVER_SETTINGS
    strange = sorted(name for name in given - known if not READ_ELSEWHERE.fullmatch(name))
    near = {
        name: difflib.get_close_matches(name, known - given, 1, MIN_SIMILARITY)
        for name in strange
        if name not in REMOVED
    }
    others = {
        name: own
        for name, own in NAMES_IN_OTHER_PROJECTS.items()
        if _config(name, default="") and not _config(own, default="")
    }
    similar = {name: found[0] for name, found in near.items() if found} | others
    hints = dict.fromkeys(strange, REMOVE)
    hints |= {name: f"Did you mean {own}?" for name, own in similar.items()}
    parts = ", ".join(sorted(given & REPLACED_BY_URL)) if text("DATABASE_URL") else ""
    ignored = ", ".join(ignored_variables)
    grouped = {parts: URL_IS_SET, ignored: EMBEDDED_IS_USED}
    return hints | {names: hint for names, hint in grouped.items() if names}


def text(name: str, default: str = "") -> str:
    _read_names.add(name)
    if value := _config(name, default="").strip():
        return str(value)
    if _config(f"DJANGO_{name}", default="").strip():  # other projects use this name
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


def check_number(name: str, value: str, *, least: int, most: int, option: str = "") -> int:
    """Returns the value as a number. Ends the process if the value is not a number in this range.
    `name` is the setting, and `option` is an option in this setting.
    """
    if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
        place = f", for {option}" if option else ""
        refuse(name, f"{value!r} is not a whole number from {least} to {most}{place}")
    return int(value)


def choice(name: str, default: str, among: Iterable[str]) -> str:
    value, known = text(name, default), list(among)
    if value not in known:
        named = [each for each in known if each]
        refuse(name, f"{value!r} is {'none of ' if len(named) > 1 else 'not '}{', '.join(named)}")
    return value


def items(name: str, default: str = "") -> list[str]:
    """Returns the comma-separated values of a setting."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def hosts(name: str, default: str) -> list[str]:
    """Returns the host names in a setting, in the format of Django's ALLOWED_HOSTS. Ends the
    process if a host name is wrong.
    """
    found = items(name, default)
    for host in found:
        if not HOST.fullmatch(host):
            refuse(name, f"{host!r} is not a host; write names such as bank.example, without"
                         " https:// and a port, and with commas between them")  # fmt: skip
    return found


def beginning_with(prefix: str) -> dict[str, str]:
    """Returns all variables of `.env` and the environment whose names begin with `prefix`. Blank
    values become "".
    """
    found = {**_config.repository.data} if hasattr(_config.repository, "data") else {}
    found |= os.environ
    return {name: value.strip() for name, value in found.items() if name.startswith(prefix)}


def amounts_by_currency(name: str, default: str) -> dict[str, Decimal]:
    """Returns the amounts in a value such as "10000,JPY=1500000" by currency code. The key "*"
    contains the amount for all other currencies.
    """
    found: dict[str, Decimal] = {}
    for item in items(name, default):
        code, is_named, amount = item.rpartition("=")
        if not AMOUNT.fullmatch(amount) or (is_named and not CURRENCY.fullmatch(code)):
            refuse(name, f"{item!r} is neither an amount nor one for a currency, like JPY=1500000")
        if re.search(r"\.[0-9]{3}$", amount):
            refuse(name, f"{item!r} may be thousands or three decimals; write 10000, or 10.00")
        if (code or "*") in found:
            scope = code or "all currencies"
            refuse(
                name, f"it has two amounts for {scope}; write 10000, without a comma in a number"
            )
        found[code or "*"] = Decimal(amount)
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
    """Returns the address of a site without a path, such as https://bank.example, or "" if the
    setting is not set.
    """
    value = text(name).rstrip("/")
    if value and not ADDRESS.fullmatch(value):
        refuse(name, "it is not an address such as https://bank.example, without a path")
    return value


def is_public(place: str) -> bool:
    """Returns whether other people may be able to connect to a host. `place` is a host or a URL.
    Returns False for "", for names without a dot, and for this computer or a private network.
    """
    if place == "*":
        return True
    host = split_domain_port(place.partition("://")[2] or place)[0].strip("[]")
    try:
        return not ipaddress.ip_address(host).is_private
    except ValueError:
        return "." in host.strip(".") and not host.endswith(LOCAL_SUFFIXES)


def contact(name: str) -> str:
    """Returns a mailto: or https: URL, or "" if the setting is not set. An email address becomes a
    mailto: URL.
    """
    value = text(name)
    value = f"mailto:{value}" if EMAIL.fullmatch(value) else value
    if value and not CONTACT.fullmatch(value):
        refuse(name, "it is neither an email address nor an https:// URL")
    return value


def reachable(name: str) -> str:
    """Returns a text that shows users how to contact the bank, or "" if the setting is not set. The
    text must contain an email address, a telephone number or an https: URL.
    """
    value = text(name)
    if value and not re.search(r"\S@\S|https://\S|([0-9][ ()./-]*){5}", value, re.ASCII):
        refuse(name, "it contains no email address, telephone number or https:// URL")
    return value


def email(name: str) -> str:
    """Returns an email address, or "" if the setting is not set."""
    value = text(name)
    if value and not EMAIL.fullmatch(value):
        refuse(name, "it is not an email address")
    return value


# Time zones that have summer time in Python, but a fixed offset in Postgres.
AMBIGUOUS_ZONES = ("CET", "EET", "MET", "WET")


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    if value in AMBIGUOUS_ZONES:
        refuse(name, f"{value} has no summer time in Postgres; name a city, such as Europe/Paris")
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        refuse(name, f"{value!r} is not a time zone of the IANA database, such as Europe/Lisbon")
    return value


def url(
    name: str, parse: Callable[[str], dict[str, Any]], schemes: Iterable[str]
) -> dict[str, Any]:
    """Returns the parts of the URL in a setting, as django-environ returns them. Returns an empty
    dict if the setting is not set.
    """
    value = text(name)
    return parsed_url(name, value, parse, schemes) if value else {}


def parsed_url(
    name: str, value: str, parse: Callable[[str], dict[str, Any]], schemes: Iterable[str]
) -> dict[str, Any]:
    """Returns the parts of the URL `value`, as django-environ returns them. Ends the process with a
    message about the setting `name` if the URL is wrong.
    """
    known = list(schemes)
    if value.partition("://")[0] not in known or "://" not in value:
        refuse(name, f"it does not begin with {' or '.join(f'{known_}://' for known_ in known)}")
    try:
        _check_place(name, value)
        return parse(value)
    except (ValueError, KeyError, ImproperlyConfigured):
        refuse(name, f"it cannot be read as a URL; {_escapes(name)}")


def _escapes(name: str) -> str:
    return ESCAPES + (OR_IN_PARTS if name == "DATABASE_URL" else "")


def _check_place(name: str, value: str) -> None:
    """Ends the process if the password in a URL is not escaped, or if a port is wrong. A part of an
    unescaped password could become a host, an option or a port, and appear in error messages.

    Raises ValueError if the value is not a URL.
    """
    parts = urlsplit(value)
    if parts.fragment or "@" in parts.path + parts.query:
        refuse(name, _escapes(name))
    for place in parts.netloc.rpartition("@")[2].split(","):
        port = "" if place.endswith("]") else place.partition("]")[2] or place
        port = port.partition(":")[2]
        if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= LAST_PORT):
            refuse(name, f"the port after a host is not a whole number from 1 to {LAST_PORT}")


def data_dir(name: str, default: Path) -> Path:
    """Returns the path of a folder. A relative path starts at the project folder. Creates the
    folder, except for the commands in COMMANDS_WITHOUT_DATA.
    """
    folder = BASE_DIR / Path(text(name, str(default))).expanduser()
    try:
        if not _is_without_data():
            make_data_dir(folder)
    except OSError as err:
        refuse(name, f"the folder {folder} cannot be created: {err.strerror}")
    return folder


def _is_without_data() -> bool:
    """Returns whether the current command is in COMMANDS_WITHOUT_DATA."""
    program, *arguments = sys.argv or [""]
    return Path(program).name == "manage.py" and not COMMANDS_WITHOUT_DATA.isdisjoint(arguments[:1])


def file(name: str) -> str:
    """Returns the path of a file, or "" if the setting is not set. Ends the process if the file
    cannot be read.
    """
    path = text(name)
    if path:
        check_readable(name, path)
    return path


def check_readable(name: str, path: str) -> None:
    if not os.access(path, os.R_OK):
        refuse(name, f"the file {path} cannot be read")


def secret_key(name: str, folder: Path) -> str:
    """Returns the secret key from the environment, or the key that is stored in `folder`.

    If there is no key, creates and stores a key that only the file's owner can read. A command in
    COMMANDS_WITHOUT_DATA does not store the key.
    """
    file = folder / "secret_key"
    given = text(name)
    if given and _can_be_guessed(given):
        refuse(
            name,
            f"it can be guessed; use {MIN_SECRET_LENGTH} random characters or more, as this command"
            ' prints them: python3 -c "import secrets; print(secrets.token_urlsafe(50))"',
        )
    try:
        return given or _stored_secret(file)
    except OSError as err:
        refuse(name, f"it is not set, and {file} cannot be used instead: {err.strerror}")


def tokens(name: str) -> list[str]:
    """Returns the tokens with which programs sign in, separated by commas in the setting. Ends the
    process if a token can be guessed or contains a character that a header cannot contain.
    """
    found = items(name)
    if any(
        len(token) < MIN_TOKEN_LENGTH or len(set(token)) < MIN_DIFFERENT_CHARACTERS
        for token in found
    ):
        refuse(name, f"a token can be guessed; use {MIN_TOKEN_LENGTH} random characters or more")
    if not all(PRINTABLE.fullmatch(token) for token in found):
        refuse(name, "a token has a character that a header cannot have; use letters and digits")
    return found


def old_secret_keys(name: str) -> list[str]:
    """Returns the earlier secret keys, separated by commas in the setting. Ledger still uses these
    keys for verifying signatures and for decrypting.
    """
    keys = items(name)
    if any(_can_be_guessed(key) for key in keys):
        refuse(name, f"a key in it can be guessed; each has {MIN_SECRET_LENGTH} characters or more")
    return keys


def _can_be_guessed(key: str) -> bool:
    is_weak = len(key) < MIN_SECRET_LENGTH or len(set(key)) < MIN_DIFFERENT_CHARACTERS
    return is_weak or key.startswith(SECRET_KEY_INSECURE_PREFIX)


def _stored_secret(file: Path) -> str:
    try:
        if stored := file.read_text().strip():
            return stored
    except FileNotFoundError:
        if _is_without_data():
            return get_random_secret_key()
    # If two processes start for the first time in parallel, the second process reads the key that
    # the first process created.
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stored = stream.read().strip()
        if not stored:
            stored = get_random_secret_key()
            stream.write(stored)
        return stored
