"""Views of sign-in and security: refusals, and where they lead."""

from dataclasses import replace
from inspect import unwrap
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.core.context import request_context
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.security import provider_views, token_views, views
from accounts.sign_in import limits, tokens
from accounts.sign_in.providers import discovery, openid
from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.settings.provider import ProviderSettings
from tests.accounts.tokens import issue
from tests.factories import UserFactory
from tests.passkeys import add_passkey
from tests.security_events import security_events
from tests.sign_in import let_pass, prove

pytestmark = pytest.mark.django_db
ISSUER = "https://login.example"
GO, BACK = "/account/providers/oidc/", "/account/providers/oidc/callback/"
PROVE = f"{GO}prove/"
PASSKEY, STEP_UP = "/account/2fa/webauthn/login/", "/account/2fa/webauthn/reauthenticate/"


@pytest.fixture(autouse=True)
def no_rate_limits_left_over() -> None:
    cache.clear()


@pytest.fixture
def ana(client: Client) -> User:
    """Signed in, with a password."""
    ana: User = UserFactory(password="seven-quiet-harbours")
    client.force_login(ana)
    return ana


@pytest.fixture
def nina(client: Client) -> User:
    """Signed in, and able to sign in through the provider alone."""
    nina: User = UserFactory()
    SocialAccount.objects.create(
        user=nina, provider="oidc", uid="x", extra_data={"email": nina.email}
    )
    client.force_login(nina)
    return nina


@pytest.fixture
def provider(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that is configured, and whose addresses are known."""
    settings.LEDGER_PROVIDER = ProviderSettings(
        name="Cloud", issuer=ISSUER, client_id="ledger", client_secret="x", groups={}
    )
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    document = {"issuer": ISSUER, **{name: f"{ISSUER}/{name}" for name in names}}
    monkeypatch.setattr(discovery, "discover", lambda _issuer: document)
    monkeypatch.setattr(openid, "discover", lambda _issuer: document)


def refuse(_issuer: str) -> dict[str, str]:
    raise ProviderRefused("unreachable")


@pytest.fixture
def no_answer(provider: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, but the provider does not answer."""

    monkeypatch.setattr(discovery, "discover", refuse)
    monkeypatch.setattr(openid, "discover", refuse)


def query_of(response: Any) -> dict[str, list[str]]:
    """What the browser is asked to bring to the provider."""
    assert response.status_code == 302
    assert response["Location"].startswith(f"{ISSUER}/authorization_endpoint?")
    return parse_qs(urlsplit(response["Location"]).query)


def states(client: Client) -> list[dict[str, Any]]:
    """What the session keeps of each sign-in that began."""
    return [state for state, *_ in client.session["socialaccount_states"].values()]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_provider_none_of_its_pages_exists(method: str) -> None:
    request: Any = RequestFactory().generic(method, "/")
    pages: list[Any] = [provider_views.go_to_provider, provider_views.prove_at_provider]
    for page in [*pages, *([provider_views.come_back] if method == "GET" else [])]:
        with pytest.raises(Http404):
            page(request, "oidc")
    with pytest.raises(Http404):
        provider_views.Connections.as_view()(request)


@pytest.mark.parametrize("process", ["login", "connect"])
@pytest.mark.parametrize("kind", ["address", "form"])
def test_a_press_leads_to_the_provider_and_may_connect_it(
    client: Client, provider: None, ana: User, process: str, kind: str
) -> None:
    sent: dict[str, Any] = {"process": process}
    given = {"query_params": sent} if kind == "address" else {"data": sent}
    let_pass(client, minutes=6)
    answer = client.post(GO, **given)  # type: ignore[arg-type]
    if process == "connect":
        assert answer["Location"].startswith("/account/reauthenticate/?")
        prove(client, ana)
        answer = client.post(GO, **given)  # type: ignore[arg-type]
    assert query_of(answer)["client_id"] == ["ledger"]
    assert [state["process"] for state in states(client)] == [process]


def test_who_has_neither_password_nor_factor_connects_nothing(
    client: Client, provider: None, nina: User
) -> None:
    prove(client, nina)
    answer = client.post(GO, {"process": "connect"})
    assert answer.status_code == 403
    assert query_of(client.post(GO, {"process": "login"}))


def test_the_way_to_the_provider_is_limited_as_sign_ins_are(
    client: Client, provider: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def limit(_request: object, *, action: str) -> HttpResponse | None:
        asked.append(action)
        return HttpResponse(status=429) if len(asked) > 1 else None

    monkeypatch.setattr(provider_views, "consume_or_429", limit)
    assert [client.post(GO).status_code for _ in range(2)] == [302, 429]
    assert asked == ["login", "login"]


def test_a_provider_that_does_not_answer_is_said_and_logged(
    client: Client, no_answer: None, nina: User
) -> None:
    with security_events() as events:
        for path in (GO, PROVE):
            assert client.post(path).status_code == 401
    assert [(line["event"], line["reason"]) for line in events.all()] == [
        ("provider.refused", "unreachable")
    ] * 2


def test_a_page_has_what_is_connected(client: Client, provider: None, nina: User) -> None:
    page = client.get(GO.removesuffix("oidc/"))
    assert page.status_code == 200
    assert page.context["connected"] == list(SocialAccount.objects.filter(user=nina))


def test_who_signs_in_there_alone_proves_it_there(
    client: Client, provider: None, nina: User
) -> None:
    page = client.get(PROVE, {"next": "/accounts/"})
    assert page.status_code == 200
    assert page.context["back"] == "/accounts/"
    assert page.context["provider"].name == "Cloud"
    asked = query_of(client.post(PROVE, query_params={"next": "/accounts/"}))
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    (state,) = states(client)
    assert (state["process"], state["next"]) == ("prove", "/accounts/")


def test_who_has_a_password_proves_that(client: Client, provider: None, ana: User) -> None:
    for answer in (client.get(PROVE), client.post(PROVE)):
        assert (answer.status_code, answer["Location"]) == (302, "/account/reauthenticate/")


@pytest.mark.parametrize(
    ("query", "reason"),
    [({"iss": "https://evil.example"}, "wrong_issuer"), ({"iss": ISSUER}, None), ({}, None)],
)
def test_an_answer_of_another_provider_is_not_read(
    client: Client, provider: None, monkeypatch: pytest.MonkeyPatch,
    query: dict[str, str], reason: str | None,
) -> None:  # fmt: skip
    monkeypatch.setattr(openid, "come_back", lambda *_given: HttpResponse("read"))
    with security_events() as events:
        answer = client.get(BACK, query)
    assert [line["reason"] for line in events.all()] == ([reason] if reason else [])
    assert answer.status_code == (401 if reason else 200)
    assert client.post(BACK, query).status_code == 405


def test_an_address_that_was_taken_meanwhile_leads_to_the_sign_in(client: Client) -> None:
    session = client.session
    session["socialaccount_sociallogin"], session["other"] = {}, 1
    session.save()
    assert client.get("/account/providers/taken/")["Location"] == "/account/login/"
    assert [*client.session.keys()] == ["other"]


def test_only_so_many_challenges_are_handed_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHALLENGES", replace(limits.CHALLENGES, amount=1))
    json = {"accept": "application/json"}
    assert [client.get(PASSKEY, headers=json).status_code for _ in range(2)] == [200, 429]
    assert client.post(PASSKEY, {"credential": "{}"}).status_code == 302


@pytest.mark.parametrize(
    ("given", "to"),
    [
        ({"next": "/accounts/?a=1"}, f"{STEP_UP}?next=%2Faccounts%2F%3Fa%3D1"),
        ({"next": "https://evil.example/"}, STEP_UP),
        ({}, STEP_UP),
    ],
)
def test_a_passkey_that_does_not_step_up_is_asked_again(
    client: Client, ana: User, given: dict[str, str], to: str
) -> None:
    add_passkey(ana)
    answer = client.post(STEP_UP, {"credential": "{}", **given})
    assert (answer.status_code, answer["Location"]) == (302, to)


@pytest.mark.parametrize("had", ["", "Ana"])
def test_only_who_has_no_name_chooses_one(monkeypatch: pytest.MonkeyPatch, had: str) -> None:
    person = UserFactory(name=had)
    monkeypatch.setattr(views, "render", lambda _request, _template, context: context["form"])

    def choose(name: str | None = None, **there: str) -> Any:
        rf = RequestFactory()
        form = {**there, "name": name or ""}
        request: Any = rf.get("/", there) if name is None else rf.post("/", form)
        request.user = person
        with request_context(request):
            return views.choose_name(request)

    page, wrong = choose(next="/accounts/"), choose("\u200b", next="/accounts/")
    if had:
        assert page["Location"] == wrong["Location"] == "/accounts/"
    else:
        assert (page.errors, wrong.errors.keys()) == ({}, {"name"})
    assert choose(" Eve \t B ", next="/accounts/")["Location"] == "/accounts/"
    assert choose("Other")["Location"] == "/"
    person.refresh_from_db()
    assert person.name == (had or "Eve B")


def test_a_token_is_revoked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = UserFactory()
    token, other, theirs = issue(ana).row, issue(ana).row, issue(UserFactory()).row
    revoke, view = tokens.revoke, unwrap(token_views.revoke)

    def said(prefix: str) -> int:
        levels = list[int]()
        request: Any = RequestFactory().post("/", {"token": prefix})
        request.user = ana
        request._messages = SimpleNamespace(add=lambda level, *_text: levels.append(level))
        assert view(request)["Location"] == "/account/security/"
        (level,) = levels
        return level

    assert [said(each) for each in (theirs.prefix, "\x00", "")] == [messages.INFO] * 3
    assert [said(token.prefix), said(token.prefix)] == [messages.SUCCESS, messages.INFO]
    monkeypatch.setattr(tokens, "revoke", lambda **given: revoke(**given) and revoke(**given))
    assert said(other.prefix) == messages.INFO  # somebody else was earlier
    for row in (token, theirs):
        row.refresh_from_db()
    assert (token.revoked_by, theirs.revoked_at) == (ana, None)
