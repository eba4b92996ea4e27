"""The settings of an identity provider: what they become, and which mixes stop the start."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger import env
from ledger.settings import provider
from ledger.settings.provider import ProviderSettings, is_loopback
from tests.ledger.processes import assert_one_sentence, manage

OIDC = {
    "OIDC_ISSUER": "https://login.example/realms/bank",
    "OIDC_CLIENT_ID": "ledger",
    "OIDC_CLIENT_SECRET": "very-secret",
}
COGNITO = {
    "COGNITO_REGION": "eu-west-1",
    "COGNITO_USER_POOL_ID": "eu-west-1_aBcDeF123",
    "COGNITO_DOMAIN": "bank.auth.eu-west-1.amazoncognito.com",
    "COGNITO_CLIENT_ID": "ledger",
    "COGNITO_CLIENT_SECRET": "very-secret",
}
HERE: dict[str, Any] = {"mock_port": 8080, "is_demo": False, "is_https": True}
LAPTOP: dict[str, Any] = {"mock_port": 8080, "is_demo": True, "is_https": False}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ProviderSettings | None]:
    def read(values: dict[str, str], **where: Any) -> ProviderSettings | None:
        monkeypatch.setattr(env, "text", lambda name, default="": values.get(name) or default)
        return provider.read(**{**HERE, **where})

    return read


def test_without_settings_there_is_no_provider(read: Callable[..., Any]) -> None:
    assert read({}) is None


def test_any_provider_is_its_issuer(read: Callable[..., Any]) -> None:
    found = read(OIDC)
    assert (found.name, found.issuer) == ("login.example", OIDC["OIDC_ISSUER"])
    assert found.origins == ["https://login.example"]
    assert (found.groups_claim, found.groups, found.allows_sign_up) == ("groups", {}, True)
    assert "very-secret" not in repr(found)


def test_cognito_is_its_pool_and_its_domain(read: Callable[..., Any]) -> None:
    found = read(COGNITO)
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcDeF123"
    assert (found.name, found.issuer, found.groups_claim) == (
        "Amazon Cognito",
        issuer,
        "cognito:groups",
    )
    assert found.sign_out_url == "https://bank.auth.eu-west-1.amazoncognito.com/logout"
    assert found.origins == ["https://bank.auth.eu-west-1.amazoncognito.com"]


def test_the_mock_works_by_cognitos_way(read: Callable[..., Any]) -> None:
    found = read({"OIDC": "mock"}, **LAPTOP)
    assert found.issuer == "http://127.0.0.1:8080"
    assert (found.groups_claim, found.sign_out_url) == (
        "cognito:groups",
        "http://127.0.0.1:8080/logout",
    )
    assert found.groups == {"bank-analysts": "analysts"}
    own = {"OIDC": "mock", "OIDC_GROUPS": "bank-analysts=auditor"}
    assert read(own, **LAPTOP).groups == {"bank-analysts": "auditor"}


def test_details_are_read(read: Callable[..., Any]) -> None:
    found = read(
        OIDC
        | {
            "OIDC_NAME": "Our cloud",
            "OIDC_GROUPS": "bank=auditors=auditor, clerks = support",
            "OIDC_SIGNUP": "False",
            "OIDC_SECOND_FACTOR": "mfa, gold",
            "OIDC_ORIGINS": "https://corp.example",
        }
    )
    assert (found.name, found.allows_sign_up) == ("Our cloud", False)
    assert found.groups == {"bank=auditors": "auditor", "clerks": "support"}
    assert found.second_factor == {"mfa", "gold"}
    assert found.origins == ["https://login.example", "https://corp.example"]


def test_access_tokens_are_accepted_for_the_audience_of_the_setting(
    read: Callable[..., Any],
) -> None:
    usual = read(OIDC)
    assert (usual.api_audience, usual.api_clients) == ("", frozenset())
    assert usual.api_scopes == {name: name for name in ("read", "pay", "staff", "report")}
    found = read(
        OIDC
        | {
            "OIDC_API_AUDIENCE": "https://api.bank.example",
            "OIDC_API_SCOPES": "https://api.bank.example/see=read, Ledger.Pay=pay",
            "OIDC_API_CLIENTS": "budget, payroll",
        }
    )
    assert found.api_audience == "https://api.bank.example"
    assert found.api_scopes == {"https://api.bank.example/see": "read", "Ledger.Pay": "pay"}
    assert found.api_clients == {"budget", "payroll"}


API = {"OIDC_API_AUDIENCE": "https://api.bank.example"}
WRONG: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "both providers": (OIDC | COGNITO, {}, "COGNITO_CLIENT_ID"),
    "no secret": (OIDC | {"OIDC_CLIENT_SECRET": ""}, {}, "OIDC_CLIENT_SECRET"),
    "a secret alone": ({"OIDC_CLIENT_SECRET": "very-secret"}, {}, "OIDC_ISSUER"),
    "Cognito without a domain": (COGNITO | {"COGNITO_DOMAIN": ""}, {}, "COGNITO_DOMAIN"),
    "details alone": ({"OIDC_GROUPS": "a=auditor"}, {}, "OIDC_GROUPS"),
    "plain HTTP": (OIDC | {"OIDC_ISSUER": "http://login.example"}, LAPTOP, "OIDC_ISSUER"),
    "this machine with HTTPS": (OIDC | {"OIDC_ISSUER": "http://127.0.0.1:1"}, {}, "OIDC_ISSUER"),
    "no address": (OIDC | {"OIDC_ISSUER": "login.example"}, {}, "OIDC_ISSUER"),
    "a name in the address": (OIDC | {"OIDC_ISSUER": "https://me@host/"}, {}, "OIDC_ISSUER"),
    "another region": (COGNITO | {"COGNITO_REGION": "us-east-1"}, {}, "COGNITO_USER_POOL_ID"),
    "no region": (COGNITO | {"COGNITO_REGION": "Ireland"}, {}, "COGNITO_REGION"),
    "a path as domain": (COGNITO | {"COGNITO_DOMAIN": "https://a.b/c"}, {}, "COGNITO_DOMAIN"),
    "no openid": (OIDC | {"OIDC_SCOPES": "email"}, {}, "OIDC_SCOPES"),
    "a symmetric algorithm": (OIDC | {"OIDC_ALGORITHM": "HS256"}, {}, "OIDC_ALGORITHM"),
    "no algorithm": (OIDC | {"OIDC_ALGORITHM": "none"}, {}, "OIDC_ALGORITHM"),
    "ID tokens as access tokens": (OIDC | {"OIDC_API_AUDIENCE": "ledger"}, {}, "OIDC_API_AUDIENCE"),
    "scopes alone": (OIDC | {"OIDC_API_SCOPES": "a=read"}, {}, "OIDC_API_SCOPES"),
    "clients alone": (OIDC | {"OIDC_API_CLIENTS": "budget"}, {}, "OIDC_API_CLIENTS"),
    "an audience alone": (API, {}, "OIDC_API_AUDIENCE"),
    "a scope that there is not": (OIDC | API | {"OIDC_API_SCOPES": "a=all"}, {}, "OIDC_API_SCOPES"),
    "half a pair": (OIDC | {"OIDC_GROUPS": "auditors"}, {}, "OIDC_GROUPS"),
    "the mock outside the demo": ({"OIDC": "mock"}, {"is_https": False}, "OIDC"),
    "the mock with HTTPS": ({"OIDC": "mock"}, {"is_demo": True}, "OIDC"),
    "the mock beside another": ({"OIDC": "mock"} | OIDC, LAPTOP, "OIDC"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_mix_is_refused_in_one_sentence(
    case: str, read: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    values, where, name = WRONG[case]
    with pytest.raises(SystemExit):
        read(values, **where)
    sentence = capsys.readouterr().err
    assert sentence.startswith(f"The setting {name} is wrong: ")
    assert sentence.count("\n") == 1
    assert "very-secret" not in sentence


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:80/x", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("http://127.0.0.1.evil.example", False),
        ("http://evil.example/127.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_this_machine_is_told_from_others(url: str, is_here: bool) -> None:
    assert is_loopback(url) == is_here


def test_a_map_to_an_unknown_group_stops_every_process(tmp_path: Any) -> None:
    done = manage(tmp_path, "check", **OIDC, OIDC_GROUPS="theirs=kings")
    assert_one_sentence(done, "The setting OIDC_GROUPS is wrong", "kings")
