"""`manage.py check --deploy` in a process of its own: a bank in good order is told of nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.authentication import BasicAuthentication, TokenAuthentication
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.permissions import AllowAny, IsAuthenticated

from api.sign_in import ByToken, HasScope
from ledger.checks.sign_in import check_sign_in
from tests.ledger.databases import Database, own_databases
from tests.ledger.processes import manage, own_data_dir

IN_GOOD_ORDER = {
    "LEDGER_ROLE": "web",
    "SECRET_KEY": "a-key-of-a-test-0123456789-that-nobody-else-has-abcdefghij",
    "LEDGER_URL": "https://bank.test",
    "LEDGER_HTTPS": "True",
    "LEDGER_BEHIND_PROXY": "True",
    "EMAIL_URL": "smtp+tls://bank:secret@mail.test:587",
    "DEFAULT_FROM_EMAIL": "Bank <service@bank.test>",
    "LEDGER_CONTACT": "+44 20 7946 0000",
    "LEDGER_SECURITY_CONTACT": "security@bank.test",
    "LOG_FORMAT": "json",
}


@pytest.fixture(scope="module")
def bank() -> Iterator[Database]:
    with own_databases() as found:
        bank = found.new("empty")
        found.server.revoke_public_rights(bank.name)  # as create_roles by a superuser does
        yield bank


def of_web(bank: Database) -> dict[str, str]:
    return IN_GOOD_ORDER | {"DATABASE_URL": bank.url.replace("//ledger@", "//ledger_web@")}


def told(output: str) -> set[str]:
    return set(re.findall(r"\((\w+\.[\w.]+)\)", output))


def test_a_bank_in_good_order_is_told_of_nothing(bank: Database, tmp_path: Path) -> None:
    key = {"SECRET_KEY": IN_GOOD_ORDER["SECRET_KEY"]}
    bank.run("prepare", **key)
    bank.manage("work", "--once", **key)
    bank.run("backup", str(tmp_path / "bank"), **key)

    done = bank.manage("check", "--deploy", "--fail-level", "WARNING", **of_web(bank))

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_a_bank_as_it_is_installed_is_told_of_everything_in_one_go(tmp_path: Path) -> None:
    with own_data_dir() as data_dir:
        manage(data_dir, "prepare")
        done = manage(data_dir, "check", "--deploy", "--fail-level", "WARNING")

    assert done.returncode == 1
    assert told(done.stderr) == {
        f"ledger.{name}"
        for name in (
            "url", "https", "secret_key", "mail", "contact", "security_contact",
            "embedded", "backup", "job.expire_holds", "job.apply_rules", "job.pay_standing_orders",
            "job.send_alerts", "job.audit_ledger", "job.seal_ledger", "job.issue_statements",
            "job.erase_people", "job.apply_retention",
        )
    }  # fmt: skip


def test_a_second_sign_in_is_named(settings: Any) -> None:
    assert check_sign_in() == []
    site = ModuleType("site")
    site.urlpatterns = [path("accounts/", include("django.contrib.auth.urls"))]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = site
    (message,) = check_sign_in()
    assert message.is_serious()
    assert "accounts/login/" in message.msg


class Framework:
    """A class of a view of REST framework, as `as_view` has it."""

    permission_classes: tuple[type, ...] = (HasScope,)
    authentication_classes: tuple[type, ...] = (ByToken,)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, None),
        ({"permission_classes": (HasScope, IsAuthenticated)}, None),
        ({"permission_classes": (HasScope & IsAuthenticated,)}, None),
        ({"permission_classes": (AllowAny,)}, None),
        ({"permission_classes": (IsAuthenticated,)}, "ledger.scope"),
        ({"permission_classes": (HasScope | IsAuthenticated,)}, "ledger.scope"),
        ({"permission_classes": ()}, "ledger.scope"),
        ({"permission_classes": (AllowAny, IsAuthenticated)}, "ledger.scope"),
        ({"authentication_classes": (BasicAuthentication,)}, "ledger.sign_in"),
        ({"authentication_classes": (TokenAuthentication,)}, "ledger.sign_in"),
    ],
)
@pytest.mark.parametrize("by_action", [True, False])
def test_a_view_that_leaves_out_scopes_or_takes_passwords_is_named(
    settings: Any, changed: dict[str, Any], named: str | None, by_action: bool
) -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    view.cls = type("View", (Framework,), {} if by_action else changed)  # type: ignore[attr-defined]
    view.initkwargs = changed if by_action else {}  # type: ignore[attr-defined]
    site = ModuleType("site")
    site.urlpatterns = [path("api/polls/", view)]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = site
    messages = check_sign_in()
    assert [message.id for message in messages] == ([named] if named else [])
    assert all("api/polls/" in message.msg for message in messages)


def test_a_view_that_gives_tokens_for_passwords_is_named(settings: Any) -> None:
    site = ModuleType("site")
    site.urlpatterns = [path("api-token-auth/", ObtainAuthToken.as_view())]  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = site
    assert [message.id for message in check_sign_in()] == ["ledger.sign_in"]
