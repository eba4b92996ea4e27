"""What the settings tell `check --deploy`, each alone and all at once."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import Error
from django.db import OperationalError

from ledger.checks import site
from ledger.checks.site import check_site
from ledger.db.cache.redis import RedisOrTable
from ledger.db.cache.shared import SharedCache

LIMITS = {"lock_timeout": 2, "statement_timeout": 30}
SERVER = {"ENGINE": "ledger.db", "HOST": "db.example", "OPTIONS": {"sslmode": "verify-full"}}
GOOD: dict[str, Any] = {
    "DEBUG": False,
    "LEDGER_DEMO": False,
    "LEDGER_COOKBOOK": False,
    "LOG_LEVEL": "WARNING",
    "LOG_FORMAT": "json",
    "LEDGER_ROLE": "web",
    "LEDGER_URL": "https://bank.test",
    "LEDGER_HTTPS": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
    "LEDGER_SECRET_KEY_IS_STORED": False,
    "LEDGER_STAFF_SECOND_FACTOR": True,
    "EMAIL_BACKEND": "ledger.web.mail.MailBackend",
    "EMAIL_HOST": "mail.test",
    "EMAIL_USE_TLS": True,
    "EMAIL_USE_SSL": False,
    "DEFAULT_FROM_EMAIL": "Bank <service@bank.test>",
    "LEDGER_CONTACT": "+44 20 7946 0000",
    "LEDGER_SECURITY_CONTACT": "mailto:security@bank.test",
    "LEDGER_OPERATOR_MAIL": "operator@bank.test",
    "CACHES": {"default": {"BACKEND": "ledger.db.cache.shared.SharedCache", "LOCATION": "cache"}},
    "LEDGER_EMBEDDED": False,
    "DATABASES": {"default": SERVER},
    "LEDGER_TIMEOUTS": LIMITS,
}
BACKENDS = "django.core.cache.backends"
CONSOLE = "django.core.mail.backends.console.EmailBackend"


class UnreachableCache(RedisOrTable):
    """A server that does not answer, and a database that is away, too."""

    is_away = True

    def __init__(self) -> None:
        """Connects to nothing."""

    def set(self, *_arguments: object, **_options: object) -> None:
        raise OperationalError


AWAY = {"default": {"BACKEND": "ledger.db.cache.redis.RedisOrTable"}}


def database(**options: str) -> dict[str, Any]:
    return {"DATABASES": {"default": {**SERVER, "OPTIONS": options}}}


WEAK: list[tuple[str, dict[str, Any]]] = [
    ("debug", {"DEBUG": True}),
    ("demo", {"LEDGER_DEMO": True}),
    ("cookbook", {"LEDGER_COOKBOOK": True}),
    ("log_level", {"LOG_LEVEL": "DEBUG"}),
    ("log_format", {"LOG_FORMAT": "text"}),
    ("url", {"LEDGER_URL": ""}),
    ("https", {"LEDGER_HTTPS": False}),
    ("hsts", {"SECURE_HSTS_SECONDS": 0}),
    ("proxy", {"SECURE_PROXY_SSL_HEADER": None}),
    ("secret_key", {"LEDGER_SECRET_KEY_IS_STORED": True}),
    ("staff_second_factor", {"LEDGER_STAFF_SECOND_FACTOR": False}),
    ("mail", {"EMAIL_BACKEND": CONSOLE}),
    ("mail_encryption", {"EMAIL_USE_TLS": False}),
    ("mail_sender", {"DEFAULT_FROM_EMAIL": "Ledger <ledger@localhost>"}),
    ("contact", {"LEDGER_CONTACT": ""}),
    ("security_contact", {"LEDGER_SECURITY_CONTACT": ""}),
    ("cache", {"CACHES": {"default": {"BACKEND": f"{BACKENDS}.locmem.LocMemCache"}}}),
    ("cache", {"CACHES": {"default": {"BACKEND": f"{BACKENDS}.dummy.DummyCache"}}}),
    ("cache_away", {"CACHES": AWAY}),
    ("embedded", {"LEDGER_EMBEDDED": True}),
    ("database_tls", database(sslmode="require")),
    ("database_tls", database()),
    ("database_tls", database(service="bank", sslmode="require")),
    ("timeouts", {"LEDGER_TIMEOUTS": {**LIMITS, "lock_timeout": 0}}),
]
TABLE = SharedCache("cache", {})
CACHES_BY_NAME: dict[str, BaseCache] = {
    AWAY["default"]["BACKEND"]: UnreachableCache(),
    f"{BACKENDS}.locmem.LocMemCache": LocMemCache("of a process", {}),
    f"{BACKENDS}.dummy.DummyCache": DummyCache("", {}),
}
ERRORS = {"cache", "debug", "demo", "proxy"}


def told(**changes: Any) -> Iterator[str]:
    values = {**GOOD, **changes}
    found = {"default": CACHES_BY_NAME.get(values["CACHES"]["default"]["BACKEND"], TABLE)}
    with (
        patch("ledger.checks.site.settings", SimpleNamespace(**values)),
        patch("ledger.checks.site.caches", found),
    ):
        for message in check_site():
            assert message.hint  # what to do
            assert message.id is not None
            name = message.id.removeprefix("ledger.")
            assert isinstance(message, Error) == (name in ERRORS)
            yield name


def test_it_is_silent_where_all_is_well() -> None:
    assert list(told()) == []


@pytest.mark.parametrize(("name", "changes"), WEAK)
def test_each_weak_setting_is_named(name: str, changes: dict[str, Any]) -> None:
    assert list(told(**changes)) == [name]


def test_all_are_named_in_one_go() -> None:
    changes = {key: value for _, changes in WEAK for key, value in changes.items()}
    changes["CACHES"] = AWAY
    missing = {name for name, _ in WEAK} - set(told(**changes))
    # Instead of the first: no encryption at all, no mail at all.
    assert missing == {"hsts", "proxy", "mail_encryption", "mail_sender", "cache"}


@pytest.mark.parametrize(
    "left",
    [
        {"LEDGER_URL": "https://bank.example"},
        {"EMAIL_HOST": "mail.example.com"},
        {"DEFAULT_FROM_EMAIL": "Bank <service@bank.example>"},
        {"LEDGER_CONTACT": "help@bank.example, +44 20 7946 0000"},
        {"LEDGER_OPERATOR_MAIL": "operator@example.org"},
    ],
)
def test_an_example_that_was_left_is_named(left: dict[str, Any]) -> None:
    assert list(told(**left)) == ["examples"]


def test_a_server_that_would_mail_failures_to_nobody_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unit = tmp_path / "ledger-failed@.service"
    monkeypatch.setattr(site, "FAILURE_UNIT", unit)
    assert list(told(LEDGER_OPERATOR_MAIL="")) == []  # in containers nothing would be mailed
    unit.touch()
    assert list(told(LEDGER_OPERATOR_MAIL="")) == ["operator_mail"]


@pytest.mark.parametrize("host", ["example.bank.test", "my-example", "examples.test"])
def test_a_name_that_only_looks_like_an_example_is_fine(host: str) -> None:
    assert list(told(LEDGER_URL=f"https://{host}", EMAIL_HOST=host)) == []


@pytest.mark.parametrize(
    "fine",
    [
        {"EMAIL_USE_TLS": False, "EMAIL_HOST": "localhost"},
        {"DATABASES": {"default": {**SERVER, "HOST": "/run/postgresql", "OPTIONS": {}}}},
        {"DATABASES": {"default": {**SERVER, "HOST": "127.0.0.1", "OPTIONS": {}}}},
        database(sslmode="verify-ca"),
        database(hostaddr="127.0.0.1"),
    ],
)
def test_what_stays_on_this_computer_needs_no_encryption(fine: dict[str, Any]) -> None:
    assert list(told(**fine)) == []


def test_a_service_of_the_environment_may_be_another_computer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = {"DATABASES": {"default": {**SERVER, "HOST": "127.0.0.1", "OPTIONS": {}}}}
    monkeypatch.setenv("PGSERVICE", "bank")
    assert list(told(**here)) == ["database_tls"]


def test_each_replica_is_looked_at() -> None:
    replica = {**SERVER, "HOST": "replica.example", "OPTIONS": {"sslmode": "require"}}
    assert list(told(DATABASES={"default": SERVER, "replica1": replica})) == ["database_tls"]


def test_a_database_of_another_engine_is_left_to_its_engine() -> None:
    other = {"ENGINE": "django.db.backends.mysql", "HOST": "other.example", "OPTIONS": {}}
    assert list(told(DATABASES={"default": SERVER, "other": other})) == []
