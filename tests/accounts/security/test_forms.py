"""Forms of second factors, called without a page."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from allauth.core.context import request_context
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.webauthn import forms as passkey_forms
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts.models import SignIn, User
from accounts.security.credentials import MALFORMED
from accounts.security.forms import (
    AddAppForm,
    AddPasskeyForm,
    FirstPasskeyForm,
    SecondCodeForm,
    SecondPasskeyForm,
    SignInByPasskeyForm,
    StepUpByPasskeyForm,
    StepUpCodeForm,
)
from accounts.sign_in import devices, limits
from tests.factories import UserFactory
from tests.passkeys import SoftPasskey
from tests.security_events import security_events
from tests.sign_in import (
    SECRET,
    add_app,
    add_recovery_codes,
    code_of,
    freeze_codes,
    verify_address,
)

pytestmark = pytest.mark.django_db
APP, OLD, NEW = "000000", "1234-5678", "ABCDE-FGHJK-LMNPQ-RSTVW-XYZAZ"  # of nobody


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory()
    return ana


@pytest.fixture(autouse=True)
def in_a_request(ana: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    cache.clear()
    freeze_codes(monkeypatch)
    request: Any = RequestFactory().post("/")
    request.user, request.session = ana, {}
    with request_context(request):
        yield


def errors_of(form: Any, field: str = "code") -> list[str]:
    assert form.errors.keys() <= {field}
    return [*form.errors.get(field, [])]


def test_codes_of_each_kind_have_a_count_of_their_own(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(limits.ACCOUNT_AND_CLIENT, amount=1)
    monkeypatch.setattr(limits, "ACCOUNT_AND_CLIENT", one)
    add_app(ana)
    said = [errors_of(SecondCodeForm({"code": code}, user=ana)) for code in (APP, OLD, NEW)]
    assert said[0] != said[1] == said[2]
    with security_events() as events:
        limited = [errors_of(SecondCodeForm({"code": code}, user=ana)) for code in (APP, OLD, NEW)]
    assert limited[0] == limited[1] == limited[2] not in said
    assert events.brief() == [("second_factor", "limited")] * 3
    assert {line["person"] for line in events.all()} == {str(ana.pk)}
    form: Any = StepUpCodeForm({"code": code_of()}, user=ana)  # type: ignore[call-arg]
    assert errors_of(form) == []
    assert form.authenticator.type == "totp"


@pytest.mark.parametrize(
    ("limit", "has_codes", "typed", "is_said"),
    [
        ("account_and_client", True, APP, True),
        ("account_and_client", False, APP, False),
        ("account_and_client", True, NEW, False),
        ("in_all", True, APP, False),
    ],
)
def test_too_many_codes_of_an_app_leave_the_recovery_codes(
    ana: User, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    limit: str, has_codes: bool, typed: str, is_said: bool,
) -> None:  # fmt: skip
    if limit == "in_all":
        settings.LEDGER_WRONG_ATTEMPTS = 0
    else:
        monkeypatch.setattr(limits, "ACCOUNT_AND_CLIENT", limits.Limit(limit, 0, 60))
    if has_codes:
        add_recovery_codes(ana)
    (said,) = errors_of(SecondCodeForm({"code": typed}, user=ana))
    assert said.endswith("A recovery code still works now.") == is_said


@pytest.mark.parametrize("device", ["", "known"])
def test_strangers_use_up_no_tries_of_a_known_device(
    ana: User, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(limits, "CLIENT", limits.Limit("client", 0, 60))
    monkeypatch.setattr(devices, "known_device", lambda _request, _user: device)
    add_app(ana)
    assert (errors_of(SecondCodeForm({"code": code_of()}, user=ana)) == []) == bool(device)


@pytest.mark.parametrize(("length", "is_short"), [(60, True), (61, False)])
def test_a_passkey_has_a_name_of_at_most_60_characters(
    ana: User, length: int, is_short: bool
) -> None:
    kinds: list[Any] = [AddPasskeyForm, FirstPasskeyForm]
    for form in kinds:
        assert ("name" not in form({"name": "x" * length}, user=ana).errors) == is_short


def test_a_code_is_typed_without_corrections(ana: User) -> None:
    assert SecondCodeForm(user=ana).fields["code"].widget.attrs == {
        "autocomplete": "one-time-code", "autocapitalize": "characters", "autocorrect": "off",
        "spellcheck": "false", "maxlength": "100",
    }  # fmt: skip


def test_a_code_is_taken_for_what_its_length_says_and_signs_in_once(ana: User) -> None:
    add_app(ana)
    (code, *_) = add_recovery_codes(ana)
    for typed, kind in ((code_of(), "totp"), (code.lower(), "recovery_codes")):
        form = SecondCodeForm({"code": typed}, user=ana)
        assert errors_of(form) == []
        assert (form.authenticator.type, form.authenticator.user) == (kind, ana)
        assert (form.has_passkey, form.has_app) == (False, True)
        assert len(errors_of(SecondCodeForm({"code": typed}, user=ana))) == 1
    assert errors_of(SecondCodeForm({"code": code_of()}, user=UserFactory()))


@pytest.mark.parametrize("form", [SignInByPasskeyForm, SecondPasskeyForm, StepUpByPasskeyForm])
@pytest.mark.parametrize("error", MALFORMED)
def test_a_passkey_that_cannot_be_read_is_refused_and_noted(
    ana: User, monkeypatch: pytest.MonkeyPatch, form: Any, error: type[Exception]
) -> None:
    def fail(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(webauthn, "parse_authentication_response", fail)
    sent = {"credential": SoftPasskey(ana).sign("AAAA")}
    of = {} if form is SignInByPasskeyForm else {"user": ana}
    with security_events() as events:
        assert len(errors_of(form(sent, **of), "credential")) == 1
    (noted,) = events.all()
    event = "step_up" if form is StepUpByPasskeyForm else "sign_in"
    person = None if form is SignInByPasskeyForm else str(ana.pk)
    assert (noted["event"], noted["outcome"], noted.get("person")) == (event, "refused", person)
    rows = SignIn.objects.values_list("user", "outcome", "method")
    second = [(ana.pk, "refused", "passkey")]
    assert list(rows) == (second if form is SecondPasskeyForm else [])


@pytest.mark.parametrize("form", [AddPasskeyForm, FirstPasskeyForm])
@pytest.mark.parametrize("error", MALFORMED)
def test_a_new_passkey_that_cannot_be_read_is_refused(
    ana: User, monkeypatch: pytest.MonkeyPatch, form: Any, error: type[Exception]
) -> None:
    def fail(*_arguments: Any) -> None:
        raise error

    sent = {"credential": SoftPasskey(ana).register("AAAA"), "name": "\u200b Desk  key "}
    monkeypatch.setattr(webauthn, "parse_registration_response", fail)
    assert len(errors_of(form(sent, user=ana), "__all__")) == 1
    monkeypatch.setattr(passkey_forms._BaseAddWebAuthnForm, "clean", lambda self: self.cleaned_data)
    right = form(sent, user=ana)
    assert errors_of(right) == []
    assert right.cleaned_data["name"] == "Desk key"


@pytest.mark.parametrize("form", [AddAppForm, AddPasskeyForm])
def test_an_address_is_confirmed_before_a_factor_is_added(ana: User, form: Any) -> None:
    address = verify_address(ana)
    address.verified = False
    address.save()
    (said,) = form({}, user=ana).errors["__all__"]
    assert "Confirm" in said
    address.verified = True
    address.save()
    assert form({}, user=ana).errors.keys() == {"code" if form is AddAppForm else "credential"}


def test_the_first_code_of_an_app_signs_nobody_in(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totp, "get_totp_secret", lambda **_options: SECRET)
    (wrong,) = errors_of(AddAppForm({"code": APP}, user=ana))
    assert "clock" in wrong
    form = AddAppForm({"code": code_of()}, user=ana)
    assert errors_of(form) == []
    assert form.key_in_groups() == ["JBSW", "Y3DP", "EHPK", "3PXP"] * 2
    assert not add_app(ana).wrap().validate_code(code_of())
