"""Forms of people, called without a page."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.account import forms as allauth_forms
from allauth.core.context import request_context
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from accounts.forms import (
    PASSWORDS_DIFFER,
    AccountNumberField,
    AskForCodeForm,
    ChangePasswordForm,
    LongSelect,
    OpenAccountForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
    SignInCodeForm,
    SignInForm,
    SignupForm,
    StepUpForm,
    currency_choices,
    currency_of_languages,
)
from accounts.models import Currency, SignIn, User
from accounts.sign_in import mailed_codes, passwords
from tests.factories import AccountFactory, UserFactory, nobodys
from tests.sign_in import NINA

pytestmark = pytest.mark.django_db
MAILED, NOT_MAILED = "AB2-CD3", "XY8-ZW9"


@pytest.fixture
def ana() -> User:
    cache.clear()
    ana: User = UserFactory(email="ana@example.com")
    return ana


@contextmanager
def pending(user: User | None, email: str, failed: int = 0) -> Iterator[None]:
    """A request of a browser that has asked for a sign-in code."""
    request: Any = RequestFactory().post("/")
    login = SimpleNamespace(user=user, email=email)
    request._login_stage = SimpleNamespace(login=login, state={"failed_attempts": failed})
    with request_context(request):
        yield


def is_right(typed: str, expected: str = MAILED) -> bool:
    """Whether the form takes the code, as it was typed."""
    form = SignInCodeForm({"code": typed}, code=expected)
    found: bool = form.is_valid()
    assert form.errors.keys() == (set() if found else {"code"})
    assert form.cleaned_data == ({"code": typed} if found else {})
    return found


def test_a_mailed_code_is_good_once(ana: User) -> None:
    mailed_codes.remember(ana.email, MAILED)
    with pending(ana, "Ana@Example.com"):
        assert not is_right(NOT_MAILED)
        assert is_right("ab2cd3")
        assert not is_right("ab2cd3")  # as in another browser
    assert list(SignIn.objects.values_list("outcome", "method")) == [("refused", "code")] * 2


def test_a_code_of_an_earlier_mail_stands_in_for_one_that_was_not_mailed(ana: User) -> None:
    mailed_codes.remember(ana.email, MAILED)
    with pending(ana, ana.email):
        assert is_right(MAILED, NOT_MAILED)
        assert not is_right(MAILED, NOT_MAILED)


def test_a_code_of_an_earlier_mail_does_not_stand_in_for_one_that_was_mailed(ana: User) -> None:
    mailed_codes.remember(ana.email, MAILED)
    mailed_codes.remember(ana.email, NOT_MAILED)
    with pending(ana, ana.email):
        assert not is_right(MAILED, NOT_MAILED)
        assert is_right(NOT_MAILED, NOT_MAILED)


def test_a_code_for_an_address_of_nobody_signs_nobody_in() -> None:
    mailed_codes.remember("nobody@example.com", MAILED)
    with pending(None, "nobody@example.com"):
        assert not is_right(MAILED, "")
        assert not is_right(MAILED, NOT_MAILED)
    assert list(SignIn.objects.values_list("user", "outcome")) == [(None, "refused")] * 2


def test_a_code_does_not_count_once_the_person_has_another_address(ana: User) -> None:
    mailed_codes.remember(ana.email, MAILED)
    with pending(ana, ana.email):
        User.objects.filter(pk=ana.pk).update(email="other@example.com")
        assert not is_right(MAILED)
        User.objects.filter(pk=ana.pk).update(email=ana.email)
        assert is_right(MAILED)


@pytest.mark.parametrize(("failed", "left"), [(0, "2 attempts"), (1, "1 attempt")])
def test_a_wrong_code_says_how_many_attempts_are_left(ana: User, failed: int, left: str) -> None:
    with pending(ana, ana.email, failed):
        form = SignInCodeForm({"code": NOT_MAILED}, code=MAILED)
        (said,) = form.errors["code"]
    assert said.endswith(f" {left} left.")


@pytest.mark.parametrize(
    ("sent", "email"),
    [
        ({"login": "ana@example.com"}, "ana@example.com"),
        ({"login": "eve@example.com", "email": "ana@example.com"}, "ana@example.com"),
        ({"email": "ana@example.com"}, "ana@example.com"),
        ({"login": " "}, None),
        (None, None),
    ],
)
def test_a_sign_in_code_goes_to_the_address_of_either_form(
    ana: User, sent: dict[str, str] | None, email: str | None
) -> None:
    with request_context(RequestFactory().post("/")):
        form = AskForCodeForm(sent, files={} if sent else None)
        assert form.is_bound == form.is_valid() == (email is not None)
        assert form.errors == {}
    assert not form.is_bound or form.cleaned_data["email"] == email


def test_no_form_takes_a_password_that_is_too_long(ana: User) -> None:
    both = {"password1", "password2"}
    expected: dict[type[Any], set[str]] = {
        SignInForm: {"password"},
        StepUpForm: {"password"},
        ChangePasswordForm: {"oldpassword", *both},
        SetPasswordForm: both,
        ResetPasswordKeyForm: both,
        SignupForm: both,
    }
    with request_context(RequestFactory().get("/")):
        for kind, names in expected.items():
            form = kind() if kind in (SignInForm, SignupForm) else kind(user=ana)
            assert {name for name in form.fields if "password" in name} == names
            for name in names:
                form.fields[name].run_validators("x" * 256)
                with pytest.raises(ValidationError):
                    form.fields[name].run_validators("x" * 257)
            if kind not in (SignInForm, StepUpForm):
                assert {form.fields[name].label for name in names} == {
                    form.labels[name] for name in names
                }
                assert form.fields["password1"].help_text == passwords.help_for(None)
                assert not any("placeholder" in form.fields[name].widget.attrs for name in names)


def errors_of_sign_up(host: str = "testserver", *, by_passkey: bool = False, **facts: str) -> Any:
    with request_context(RequestFactory().post("/", headers={"host": host})):
        form = SignupForm({**NINA, **facts}, by_passkey=by_passkey)
        return form.errors


def test_each_mistake_in_a_sign_up_is_said_at_its_field(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "192.0.2.7"]
    assert errors_of_sign_up() == {}
    assert errors_of_sign_up(name="\u200b").keys() == {"name"}
    assert errors_of_sign_up(password2="other").keys() == {"password2"}
    assert errors_of_sign_up(password1="short", password2="short").keys() == {"password1"}
    both = errors_of_sign_up(password1="short", password2="other")
    assert both.keys() == {"password1", "password2"}
    assert both["password2"] == [PASSWORDS_DIFFER]
    assert errors_of_sign_up(name="Seven Quiet-Harbours").keys() == {"password1"}
    assert errors_of_sign_up("192.0.2.7") == {}
    assert errors_of_sign_up("192.0.2.7", by_passkey=True).keys() == {"__all__"}
    assert errors_of_sign_up(by_passkey=True, password1="", password2="") == {}


def test_a_wrong_current_password_changes_nothing_and_is_said_at_its_field() -> None:
    person = UserFactory(password=NINA["password1"])
    new = {"password1": "eight-quiet-harbours", "password2": "eight-quiet-harbours"}
    request: Any = RequestFactory().post("/")
    request.user, request.session = person, {}
    with request_context(request):
        for old, errors in ((NINA["password1"], set()), ("eight-quiet-harbours", {"oldpassword"})):
            form = ChangePasswordForm(data={"oldpassword": old, **new}, user=person)
            assert form.errors.keys() == errors


def test_the_name_of_a_sign_up_is_stored() -> None:
    person, request = UserFactory(name=""), RequestFactory().post("/")
    with request_context(request):
        form = SignupForm(NINA)
        assert form.is_valid()
        form.custom_signup(request, person)
    person.refresh_from_db()
    assert person.name == NINA["name"]


@pytest.mark.parametrize("is_taken", [True, False])
def test_only_an_address_that_was_taken_meanwhile_explains_a_failed_sign_up(
    monkeypatch: pytest.MonkeyPatch, is_taken: bool
) -> None:
    tries = list[bool]()

    def save(self: SignupForm, _request: Any) -> Any:
        tries.append(self.account_already_exists)
        if len(tries) > 1:
            return None, "the answer for a taken address"
        raise IntegrityError

    monkeypatch.setattr(allauth_forms.SignupForm, "try_save", save)
    request = RequestFactory().post("/")
    with request_context(request):
        form = SignupForm(NINA)
        assert form.is_valid(), form.errors
        if is_taken:
            UserFactory(email=NINA["email"])
        with nullcontext() if is_taken else pytest.raises(IntegrityError):
            assert form.try_save(request) == (None, "the answer for a taken address")
    assert tries == ([False, True] if is_taken else [False])


@pytest.mark.parametrize("must_exist", [True, False])
def test_a_number_of_no_account_is_refused_where_one_must_exist(must_exist: bool) -> None:
    field, account = AccountNumberField(must_exist=must_exist), AccountFactory()
    assert field.clean(f" {account.number} ") == account
    with pytest.raises(ValidationError):
        field.clean("1234")
    with pytest.raises(ValidationError):
        field.clean("")
    if not must_exist:
        assert field.clean(nobodys()) is None
        return
    with pytest.raises(ValidationError):
        field.clean(nobodys())


def test_an_account_number_has_at_most_40_characters_and_suggestions_if_there_are_some() -> None:
    usual = {"inputmode": "numeric", "autocomplete": "off", "maxlength": "40"}
    field = AccountNumberField(required=False)
    assert field.clean("") is None
    assert field.widget.attrs == usual
    assert AccountNumberField(suggestions="payees").widget.attrs == {**usual, "list": "payees"}
    account = AccountFactory()
    assert AccountNumberField().clean("-" * 28 + account.number) == account
    with pytest.raises(ValidationError):
        AccountNumberField().clean("-" * 29 + account.number)


@pytest.mark.parametrize(
    ("name", "kept"), [("  Rent \t flat ", "Rent flat"), ("\u2800", None), ("...", None)]
)
def test_an_account_has_a_name_that_can_be_read(name: str, kept: str | None) -> None:
    form = OpenAccountForm({"name": name, "currency": "EUR"})
    assert form.is_valid() == (kept is not None)
    assert form.errors.keys() == (set() if kept else {"name"})
    assert form.cleaned_data.get("name") == kept


@pytest.mark.parametrize(
    ("header", "currency"),
    [
        ("de,de-CH;q=0.8,en;q=0.5", "CHF"),
        ("zh-Hant-TW", "TWD"),
        ("nl-CW,en-US;q=0.5", "USD"),  # this bank has no guilder
        ("nl-CW", "EUR"),
        ("us,en-USA,es-419,xx-ZZ,\x00;q=9,-,en-", "EUR"),
        ("en-zw,ja-JP", "USD"),
        ("", "EUR"),
    ],
)
def test_the_currency_of_languages_is_that_of_the_first_country(header: str, currency: str) -> None:
    assert currency_of_languages(header) == currency


def test_the_open_currencies_are_offered_with_the_common_ones_first() -> None:
    Currency.objects.filter(code__in=["EUR", "AED"]).update(is_open=False)
    codes = [code for code, _name in currency_choices()]
    assert codes[:5] == ["USD", "GBP", "CHF", "CZK", "JPY"]
    assert sorted(codes) == sorted(Currency.objects.open().values_list("code", flat=True))
    assert not {"EUR", "AED"} & {*codes}


def test_a_long_select_marks_what_is_chosen_and_escapes() -> None:
    select = LongSelect(attrs={"data-filter": "Find"}, choices=[("a", "A & B"), ("b", "C")])
    assert select.render("x", "b") == (
        '<select data-filter="Find" name="x"><option value="a">A &amp; B</option>'
        '<option value="b" selected>C</option></select>'
    )
    assert select.render("x", "", {"id": "y"}).startswith(
        '<select data-filter="Find" id="y" name="x"><option value="a">'
    )
