"""The page of recovery codes: makes them, shows them this once, and what takes one."""

import re
from urllib.parse import unquote

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User, WebSession
from accounts.sign_in.factors import factors_of
from accounts.sign_in.session_store import SessionStore
from ledger.text.dates import long_moment
from tests.factories import PASSWORD, UserFactory
from tests.pages import text_of
from tests.security_events import security_events
from tests.sign_in import (
    add_app,
    add_recovery_codes,
    after_the_password,
    freeze_codes,
    is_signed_in,
    prove,
    prove_factor,
)

pytestmark = pytest.mark.django_db
PAGE, SECURITY = "/account/2fa/recovery-codes/", "/account/security/"
SECOND, STEP_UP = "/account/2fa/authenticate/", "/account/2fa/reauthenticate/"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze_codes(monkeypatch)
    cache.clear()


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(password=PASSWORD)
    return ana


@pytest.fixture
def inside(client: Client, ana: User) -> Client:
    """Ana's browser, where she has just used her app."""
    client.force_login(ana)
    prove_factor(client, add_app(ana))
    return client


def test_codes_are_shown_when_they_are_made_and_never_again(inside: Client, ana: User) -> None:
    assert "no recovery codes yet" in text_of(inside.get(PAGE))
    with security_events() as events:
        made = inside.post(PAGE)
    codes = made.context["codes"]
    page = made.content.decode()
    assert re.findall(r"<code>(.*?)</code>", page) == codes
    assert len(codes) == 10
    assert "no-store" in made.headers["Cache-Control"]
    assert [told.subject for told in mail.outbox] == ["New recovery codes were made"]
    assert events.named("factor.reset")[0]["kind"] == "recovery_codes"
    assert not any(code in str(mail.outbox[0].body) for code in codes)

    again = text_of(inside.get(PAGE))
    assert "10 unused codes" in again
    assert not any(code in again for code in codes)
    kept = [SessionStore().decode(row.session_data) for row in WebSession.objects.all()]
    rows = str([*kept, *Authenticator.objects.values_list("data", flat=True)]).upper()
    assert not any(code in rows or code.replace("-", "") in rows for code in codes)


def test_the_page_has_the_codes_as_a_file_too(inside: Client) -> None:
    made = inside.post(PAGE)
    (file,) = re.findall(
        r'href="(data:[^"]+)" download="recovery-codes.txt"', made.content.decode()
    )
    kind, text = file.split(",", 1)
    assert kind == "data:text/plain;charset=utf-8"
    assert unquote(text).split()[-10:] == made.context["codes"]


def test_the_codes_say_when_they_were_made_on_paper_and_in_the_file(
    inside: Client, ana: User
) -> None:
    made = inside.post(PAGE)
    row = Authenticator.objects.get(user=ana, type="recovery_codes")
    when = f"Made on {long_moment(row.created_at)}"
    assert when in text_of(made)
    (file,) = re.findall(r'href="(data:[^"]+)"', made.content.decode())
    assert when in unquote(file)


def test_codes_need_a_fresh_step_up(ana: User) -> None:
    add_app(ana)
    elsewhere = Client()
    elsewhere.force_login(ana)
    prove(elsewhere, ana)  # by password, which is not enough
    for answer in (elsewhere.get(PAGE), elsewhere.post(PAGE)):
        assert answer.headers["Location"] == f"{STEP_UP}?next=%2Faccount%2F2fa%2Frecovery-codes%2F"
    assert factors_of(ana).recovery_codes is None


def test_somebody_without_a_factor_is_told_to_add_one(client: Client, ana: User) -> None:
    client.force_login(ana)
    prove(client, ana)
    for answer in (client.get(PAGE), client.post(PAGE)):
        assert answer.headers["Location"] == SECURITY
    assert "Add one of them first" in text_of(client.get(SECURITY))
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("left", [None, 0, 3])
def test_a_changed_factor_leads_to_the_codes_of_whoever_has_none_left(
    inside: Client, ana: User, left: int | None
) -> None:
    if left is not None:
        add_recovery_codes(ana)
        rows = Authenticator.objects.filter(type="recovery_codes")
        rows.update(data={"codes": ["x"] * left})
    assert inside.get("/account/2fa/").headers["Location"] == (SECURITY if left else PAGE)


def test_a_code_signs_in_once_and_is_told_by_mail(ana: User) -> None:
    add_app(ana)
    code = add_recovery_codes(ana)[0]
    for typed, expected in ((code.lower(), True), (code, False)):
        client = after_the_password(ana)
        client.post(SECOND, {"code": typed})
        assert is_signed_in(client) is expected
    (told,) = [one for one in mail.outbox if "recovery" in one.subject]
    assert (told.subject, told.to) == ("A recovery code was used", [ana.email])
    assert "2 unused codes left" in told.body
    assert code not in told.body


def test_a_code_steps_up_once(ana: User) -> None:
    add_app(ana)
    codes, client = add_recovery_codes(ana), Client()
    client.force_login(ana)
    assert "reauthenticate" in client.get(PAGE).headers["Location"]
    client.post(STEP_UP, {"code": codes[0], "next": PAGE})
    assert client.get(PAGE).status_code == 200


def test_a_wrong_code_is_told_how_one_looks_and_noted(ana: User) -> None:
    add_app(ana)
    add_recovery_codes(ana)
    client = after_the_password(ana)
    with security_events() as events:
        answer = client.post(SECOND, {"code": "ABCDE-FGHJK-LMNPQ-RSTVW-XYZAZ"})
    assert "25 letters" in text_of(answer)
    assert "app's next code" not in text_of(answer)
    assert not is_signed_in(client)
    (line,) = events.named("sign_in")
    assert (line["outcome"], line["person"]) == ("refused", str(ana.pk))
    assert factors_of(ana).recovery_codes == 3
