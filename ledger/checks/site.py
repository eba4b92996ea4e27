"""Checks the settings of the site, its mail, its cache and its connection to the database.

`ledger.settings` stops the process if a value is wrong or harmful. These checks report settings
that work but are weak. Their messages contain the names of variables in `.env.example`. Django's
own checks of the same settings are silenced (`SILENCED_SYSTEM_CHECKS`), because their messages
contain Django's names.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage
from django.db import DatabaseError, InterfaceError

from ledger.checks.messages import weak, wrong
from ledger.db.apps import is_of_ledger
from ledger.db.cache.redis import RedisOrTable
from ledger.settings.databases import is_local, remote_hosts

CHECKED = ("verify-ca", "verify-full")
LEAST_HSTS_SECONDS = 86_400
SECONDS_KEPT = 10
# Host names in examples, for example in files that users copy. These hosts belong to nobody.
EXAMPLE = re.compile(r"(?<![\w-])example(\.(com|net|org))?(?=[:/>,\s]|$)", re.ASCII)
# The systemd unit that sends emails to LEDGER_OPERATOR_MAIL. deploy/server installs this unit.
FAILURE_UNIT = Path("/etc/systemd/system/ledger-failed@.service")
NAMING_HOSTS = {
    "LEDGER_URL": "LEDGER_URL",
    "EMAIL_URL": "EMAIL_HOST",
    "DEFAULT_FROM_EMAIL": "DEFAULT_FROM_EMAIL",
    "LEDGER_CONTACT": "LEDGER_CONTACT",
    "LEDGER_SECURITY_CONTACT": "LEDGER_SECURITY_CONTACT",
    "LEDGER_OPERATOR_MAIL": "LEDGER_OPERATOR_MAIL",
}


def check_site(**_options: Any) -> list[CheckMessage]:
    """Returns the messages of all checks of settings."""
    return [message for check in CHECKS for message in check()]


def _debugging() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield wrong("debug", "DEBUG shows code and settings to all visitors.", "Remove DEBUG.")
    if settings.LEDGER_DEMO:
        yield wrong(
            "demo",
            "LEDGER_DEMO shows the sign-ins of the demo, whose passwords everybody knows.",
            "Remove LEDGER_DEMO; start with manage.py serve, not with make run.",
        )
    if settings.LEDGER_COOKBOOK:
        yield weak(
            "cookbook",
            "The cookbook runs SQL for every signed-in user.",
            "Remove LEDGER_COOKBOOK.",
        )
    if settings.LOG_LEVEL == "DEBUG":
        yield weak(
            "log_level",
            "LOG_LEVEL=DEBUG writes far more to the log than a bank should keep.",
            "Set LOG_LEVEL=INFO or WARNING.",
        )
    # Only for web processes, because a command in a terminal prints text.
    if settings.LOG_FORMAT == "text" and settings.LEDGER_ROLE == "web":
        yield weak(
            "log_format",
            "LOG_FORMAT=text writes addresses of pages into the log, with what people search for.",
            "Set LOG_FORMAT=json (docs/logs.md).",
        )


def _address() -> Iterator[CheckMessage]:
    if not settings.LEDGER_URL:
        yield weak(
            "url",
            "Without LEDGER_URL, links in mails use the Host header of the request, which an"
            " attacker can choose.",
            "Set it to the address that people open, such as LEDGER_URL=https://bank.example.",
        )
    if not settings.LEDGER_HTTPS:
        yield weak(
            "https",
            "The site is not encrypted: passwords and cookies can be read on the way.",
            "Put a proxy with a certificate in front, then set LEDGER_HTTPS=True,"
            " LEDGER_BEHIND_PROXY=True and an https:// address as LEDGER_URL.",
        )
        return
    if not settings.SECURE_PROXY_SSL_HEADER:
        yield wrong(
            "proxy",
            "LEDGER_HTTPS without LEDGER_BEHIND_PROXY: no request counts as encrypted, so each page"
            " redirects to itself forever.",
            "Set LEDGER_BEHIND_PROXY=True, with a proxy that ends TLS and writes X-Forwarded-Proto"
            " and X-Forwarded-For itself.",
        )
    if settings.SECURE_HSTS_SECONDS < LEAST_HSTS_SECONDS:
        yield weak(
            "hsts",
            "LEDGER_HSTS_SECONDS lets browsers use plain HTTP again within a day.",
            "Remove it; the default is a year.",
        )


def _secrets() -> Iterator[CheckMessage]:
    if settings.LEDGER_SECRET_KEY_IS_STORED:
        yield weak(
            "secret_key",
            "SECRET_KEY is not set, so the key is a file in LEDGER_DATA_DIR: another computer would"
            " create a different key, and without the key no second factor can be read.",
            "Set SECRET_KEY, to the value of that file if the bank is in use, and keep a copy apart"
            " from the backups.",
        )
    if not settings.LEDGER_STAFF_SECOND_FACTOR:
        yield weak(
            "staff_second_factor",
            "LEDGER_STAFF_SECOND_FACTOR=False lets staff sign in with only a password.",
            "Remove it.",
        )


def _mail() -> Iterator[CheckMessage]:
    if "console" in settings.EMAIL_BACKEND:
        yield weak(
            "mail",
            "Mail goes to the log: nobody receives codes and links for new passwords.",
            "Set EMAIL_URL, such as smtp+tls://user:password@host:587.",
        )
        return
    encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    if not encrypted and not is_local(settings.EMAIL_HOST):
        yield weak(
            "mail_encryption",
            "Mail, and the password of the mail server, go out in plain text.",
            "Write EMAIL_URL with smtp+tls:// or smtp+ssl://.",
        )
    if "@localhost" in settings.DEFAULT_FROM_EMAIL:
        yield weak(
            "mail_sender",
            "Mail comes from an address at localhost, which others refuse or call spam.",
            "Set DEFAULT_FROM_EMAIL, such as Bank <service@bank.example>.",
        )


def _contacts() -> Iterator[CheckMessage]:
    if not settings.LEDGER_CONTACT:
        yield weak(
            "contact",
            "Pages that refer people to the bank's staff contain no contact.",
            "Set LEDGER_CONTACT, such as +44 20 7946 0000.",
        )
    if not settings.LEDGER_SECURITY_CONTACT:
        yield weak(
            "security_contact",
            "There is no /.well-known/security.txt: nobody can report a weakness.",
            "Set LEDGER_SECURITY_CONTACT to an address or page.",
        )
    if FAILURE_UNIT.exists() and not settings.LEDGER_OPERATOR_MAIL:
        yield weak(
            "operator_mail",
            "When a service of this server or the backup fails, nobody is notified.",
            "Set LEDGER_OPERATOR_MAIL to an address.",
        )


def _examples() -> Iterator[CheckMessage]:
    found = [
        name
        for name, setting in NAMING_HOSTS.items()
        if EXAMPLE.search(str(getattr(settings, setting)))
    ]
    if found:
        yield weak(
            "examples",
            f"{', '.join(found)}: the value is still an example, so mail is lost.",
            "Write your own value.",
        )


def _cache() -> Iterator[CheckMessage]:
    found = caches["default"]
    if isinstance(found, LocMemCache | DummyCache):
        yield wrong(
            "cache",
            "Each process has a separate cache or none, so each counts the limits on signing in"
            " separately.",
            "Leave CACHES to ledger.settings (docs/running.md#a-shared-cache).",
        )
        return
    if not isinstance(found, RedisOrTable):
        return  # the cache is a table, and the checks of the database include it
    # the table raises these exceptions if neither Redis nor the database can be reached
    with suppress(DatabaseError, InterfaceError):
        found.set("ledger.check", 1, SECONDS_KEPT)
    if found.is_away:
        yield weak(
            "cache_away",
            "The Redis of CACHE_URL does not answer or takes no writes, so each process counts"
            " in the database.",
            "Start it, or correct CACHE_URL (docs/running.md#a-shared-cache).",
        )


def _way_to_the_database() -> Iterator[CheckMessage]:
    if settings.LEDGER_EMBEDDED:
        yield weak(
            "embedded",
            "The database is the embedded server: only on this computer's disk, without TLS,"
            " standby or archive.",
            "Name a server in DATABASE_URL (docs/databases.md).",
        )
    for alias, database in settings.DATABASES.items():
        if not is_of_ledger(database):
            continue
        options = database["OPTIONS"]
        mode = str(options.get("sslmode", "prefer"))
        if mode not in CHECKED and remote_hosts(str(database.get("HOST", "")), options):
            yield weak(
                "database_tls",
                f"The connection to the database ({alias}) has sslmode={mode}: another computer"
                " could answer in its place.",
                "Set sslmode=verify-full and sslrootcert in DATABASE_URL, or DB_SSLMODE and"
                " DB_SSLROOTCERT.",
            )
    if endless := [name for name, seconds in settings.LEDGER_TIMEOUTS.items() if not seconds]:
        yield weak(
            "timeouts",
            f"Web processes wait without limit: {', '.join(endless)} is 0.",
            "Remove LEDGER_LOCK_TIMEOUT=0 and similar settings (docs/rights.md#timeouts).",
        )


CHECKS = (
    _debugging, _address, _secrets, _mail, _contacts, _examples, _cache, _way_to_the_database,
)  # fmt: skip
