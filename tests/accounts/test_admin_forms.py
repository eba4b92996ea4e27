"""Forms of the admin, called without a page."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import modelform_factory
from django.test import RequestFactory

from accounts.admin.currencies import CurrencyForm
from accounts.admin.forms import (
    AccountChangeForm,
    PersonAddForm,
    PersonChangeForm,
    PersonPasswordForm,
    unclaimed,
)
from accounts.exceptions import CurrencyUnknown, LimitInvalid
from accounts.groups import MANAGER, SUPPORT
from accounts.models import Account, Change, User
from accounts.services import LARGEST_LIMIT
from tests.conftest import colleague
from tests.factories import AccountFactory, UserFactory
from tests.sign_in import verify_address

pytestmark = pytest.mark.django_db
RightsForm = modelform_factory(User, form=PersonChangeForm, fields=["name", "is_staff"])


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(currency="JPY", transfer_limit=Decimal(7))
    return account


def sent(account: Account, **changes: object) -> dict[str, Any]:
    return {"name": account.name, "overdraft_limit": "0", "transfer_limit": "7", **changes}


def test_a_change_needs_a_reason_and_a_form_without_one_does_not(account: Account) -> None:
    assert AccountChangeForm(sent(account), instance=account).is_valid()
    assert AccountChangeForm(sent(account, reason="Hm"), instance=account).is_valid()
    changed = AccountChangeForm(sent(account, name="Rent"), instance=account)
    assert changed.errors.keys() == {"reason"}
    changed = AccountChangeForm(sent(account, name=" Rent ", reason="They asked"), instance=account)
    assert changed.is_valid()
    assert (changed.cleaned_data["name"], changed.cleaned_data["reason"]) == ("Rent", "They asked")
    new = {"email": "ana@example.com", "name": "Ana"}
    assert PersonAddForm(new).errors.keys() == {"reason"}
    assert PersonAddForm({**new, "reason": "New"}).is_valid()


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("overdraft_limit", ["0", LARGEST_LIMIT], ["-1", LARGEST_LIMIT + 1]),
        ("transfer_limit", ["1", "", LARGEST_LIMIT], ["0", "-1", LARGEST_LIMIT + 1]),
        ("daily_limit", ["1", "", LARGEST_LIMIT], ["0", "-1", LARGEST_LIMIT + 1]),
    ],
)
def test_a_limit_out_of_range_is_an_error_at_its_field(
    account: Account, field: str, good: list[object], bad: list[object]
) -> None:
    for limits, errors in ((good, set()), (bad, {field})):
        for limit in limits:
            form = sent(account, reason="They asked", **{field: limit})
            assert AccountChangeForm(form, instance=account).errors.keys() == errors, limit


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (LimitInvalid("Too much.", "daily_limit"), "daily_limit"),
        (LimitInvalid("Too much.", "other"), "__all__"),
        (CurrencyUnknown("There is none."), "__all__"),
    ],
)
def test_what_the_service_refuses_is_an_error_at_its_field(
    account: Account, monkeypatch: pytest.MonkeyPatch, error: Exception, field: str
) -> None:
    assert AccountChangeForm(sent(account), instance=account).is_valid()
    monkeypatch.setattr(AccountChangeForm, "refusal", error)
    assert AccountChangeForm(sent(account), instance=account).errors == {field: [str(error)]}


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "7"), ("USD", "7.00"), ("KWD", "7.000")])
def test_limits_have_the_decimals_of_the_currency(currency: str, shown: str) -> None:
    account = AccountFactory(currency=currency, transfer_limit=Decimal(7))
    account.refresh_from_db()
    form = AccountChangeForm(instance=account)
    assert f'value="{shown}"' in form["transfer_limit"].as_widget()
    assert "value" not in form["daily_limit"].as_widget()


@pytest.mark.parametrize("name", ["\u200b\u3164", "\u0410nna", ""])
def test_a_new_name_can_be_read_and_an_old_one_may_stay(account: Account, name: str) -> None:
    form = sent(account, name=name, reason="They asked")
    assert AccountChangeForm(form, instance=account).errors.keys() == {"name"}
    if name:
        Account.objects.filter(pk=account.pk).update(name=name)
        account.refresh_from_db()
        assert AccountChangeForm(form, instance=account).errors == {}


def test_a_code_that_a_currency_has_is_refused() -> None:
    new = {"code": "eur", "name": "Other", "minor_units": 3, "reason": "New"}
    assert CurrencyForm(new).errors.keys() == {"code"}
    assert CurrencyForm({**new, "code": "xts"}).is_valid()


@pytest.mark.parametrize(
    ("group", "was_staff", "is_given"),
    [(MANAGER, False, False), (MANAGER, True, True), (SUPPORT, False, True)],
)
def test_who_is_in_a_group_that_needs_approval_is_not_made_staff(
    group: str, was_staff: bool, is_given: bool
) -> None:
    person = UserFactory(is_staff=True)
    person.groups.add(Group.objects.get(name=group))
    User.objects.filter(pk=person.pk).update(is_staff=was_staff)
    person.refresh_from_db()
    form = {"name": person.name, "is_staff": "on", "reason": "Hired"}
    refused = RightsForm(form, instance=person)
    assert refused.errors.keys() == (set() if is_given else {"is_staff"})
    assert refused.cleaned_data.get("is_staff", False) == is_given
    form["is_staff"] = ""
    taken = RightsForm(form, instance=User.objects.get(pk=person.pk))
    assert taken.is_valid()
    assert taken.cleaned_data["is_staff"] is False


def test_who_became_staff_since_the_page_was_opened_stays_so() -> None:
    person = colleague(MANAGER, "Mia")
    shown = {"initial-name": "Mia", "initial-is_staff": "False"}
    form = RightsForm(
        {"name": "Mia", "is_staff": "on", "reason": "Hired", **shown}, instance=person
    )
    assert form.changed_data == ["is_staff", "reason"]
    assert form.errors == {}


def test_a_page_of_a_person_may_have_no_password() -> None:
    person = UserFactory()
    assert "mail" in RightsForm(instance=person).fields["password"].help_text
    without = type("WithoutPassword", (RightsForm,), {"password": None})
    assert without(instance=person).fields.keys() == {"name", "is_staff", "reason"}


def test_a_password_of_a_person_is_set_or_removed_with_a_reason() -> None:
    assert [*PersonPasswordForm(UserFactory()).fields] == ["reason", "password1", "password2"]
    person = UserFactory(password="six-quiet-harbours")
    form = PersonPasswordForm(person)
    assert [*form.fields] == ["reason", "usable_password", "password1", "password2"]
    assert form.fields["usable_password"].label == "Signs in by password"
    new = {"password1": "seven-quiet-harbours", "password2": "seven-quiet-harbours"}
    asked = {"usable_password": "true", **new}
    assert PersonPasswordForm(person, asked).errors.keys() == {"reason"}
    for usable in ("true", "false"):
        sent = {**asked, "reason": "A letter", "usable_password": usable}
        form = PersonPasswordForm(person, sent)
        assert form.errors == {}
        assert form.save() == person
        person = User.objects.get(pk=person.pk)
        assert person.check_password("seven-quiet-harbours") == (usable == "true")
        assert person.has_usable_password() == (usable == "true")


def test_an_address_is_of_one_person_whatever_its_case() -> None:
    ana, eve = UserFactory(email="ana@example.com"), UserFactory()
    address = verify_address(ana)
    assert unclaimed("ANA@example.com", ana) == "ana@example.com"
    for email in ("ana@example.com", "second@example.com"):
        address.email = email
        address.save()
        with pytest.raises(ValidationError):
            unclaimed(email.upper(), eve)
    address.verified = False
    address.save()
    assert unclaimed("second@example.com", eve) == "second@example.com"


def test_a_log_is_one_page_and_takes_what_is_added_to_it(boss: User) -> None:
    log = admin.site.get_model_admin(Change)
    request = RequestFactory().get("/")
    request.user = boss
    found: Any = log.changelist_view(request, {"title": "Other", "more": 1})
    assert (found.context_data["title"], found.context_data["more"]) == ("Other", 1)
    plain: Any = log.changelist_view(request)
    assert plain.context_data["title"] == log.title  # type: ignore[attr-defined]
    assert "more" not in plain.context_data
    with pytest.raises(PermissionDenied):
        log.change_view(request, str(boss.pk))
    request.user = UserFactory(is_staff=True)
    with pytest.raises(PermissionDenied):
        log.changelist_view(request)
