"""The forms of alerts: their fields, what they are filled in with and what they refuse."""

from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from accounts.services import close_account
from banking.alerts.forms import AlertChoiceForm, AlertTimesForm, AmountOrZeroField, ClockField
from banking.alerts.models import AlertChoice, AlertKind, AlertMail, AlertTimes
from tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db
EVENING, MORNING = time(22, 30), time(7)


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory()
    return ana


def form_of(
    owner: User, kind: str, data: Any = None, saved: AlertChoice | None = None
) -> AlertChoiceForm:
    return AlertChoiceForm(data, owner=owner, kind=AlertKind(kind), saved=saved)


@pytest.mark.parametrize(
    ("kind", "fields", "label", "needs_amount"),
    [
        ("money_in", ["account", "amount", "mail"], "Above", False),
        ("money_out", ["account", "amount", "mail"], "Above", False),
        ("balance_below", ["account", "amount", "mail"], "Below", True),
        ("order_failed", ["mail"], None, None),
        ("new_device", [], None, None),
    ],
)
def test_each_kind_has_its_fields(
    ana: User, kind: str, fields: list[str], label: str | None, needs_amount: bool | None
) -> None:
    form = form_of(ana, kind)
    amount: Any = form.fields.get("amount")
    assert [*form.fields] == fields
    assert (amount and amount.label, amount and amount.required) == (label, needs_amount)
    assert amount is None or amount.help_text
    if "mail" in fields:
        assert form.initial.get("mail", form.fields["mail"].initial) == "off"
        assert not form_of(ana, kind, {"mail": "never"}).is_valid()
        assert form["mail"].label == "By mail"
        assert str(form["mail"]).count('type="radio"') == len(AlertMail)


def test_a_form_begins_with_the_saved_choice_or_with_an_account_that_has_none(ana: User) -> None:
    closed, first, second = (AccountFactory(user=ana) for _ in range(3))
    close_account(account=closed, reason="Asked")
    saved = AlertChoice(kind="money_in", account=second, amount=Decimal(100), mail=AlertMail.DAILY)
    begun = {"account": second.pk, "amount": "100.00", "mail": "daily"}
    assert form_of(ana, "money_in", saved=saved).initial == begun
    saved.amount = Decimal(0)
    assert form_of(ana, "money_in", saved=saved).initial == {**begun, "amount": ""}
    without_account = AlertChoice(kind="order_failed", mail=AlertMail.NOW)
    assert form_of(ana, "order_failed", saved=without_account).initial == {"mail": "now"}
    AccountFactory()
    form = form_of(ana, "money_in")
    choice: Any = form.fields["account"]
    assert list(choice.queryset) == [first, second]
    assert choice.empty_label is None
    assert form.initial == {"account": first.pk}
    AlertChoice.objects.create(
        pk=first.pk, owner=ana, kind="money_in", account=first, amount=Decimal(0)
    )
    assert form_of(ana, "money_in").initial == {"account": second.pk}
    assert form_of(ana, "money_out").initial == {"account": first.pk}


def test_an_amount_fits_the_currency_of_its_account(ana: User) -> None:
    account = AccountFactory(user=ana)
    sent = {"account": account.pk, "mail": "off"}
    form = form_of(ana, "money_out", {**sent, "amount": "1.05"})
    assert form.is_valid()
    assert form.cleaned_data == {"account": account, "amount": Decimal("1.05"), "mail": "off"}
    refused: dict[str, dict[str, Any]] = {
        "amount": {**sent, "amount": "1.005"},
        "account": {"mail": "off", "amount": "1.005"},
        "mail": {**sent, "amount": "1.05", "mail": ""},
    }
    for field, data in refused.items():
        assert [*form_of(ana, "money_out", data).errors] == [field]
    nothing = form_of(ana, "money_out", {"account": "x", "amount": "lots"})
    assert sorted(nothing.errors) == ["account", "amount", "mail"]


def test_only_an_amount_that_may_be_left_empty_is_zero_without_one() -> None:
    for empty in ("", "  ", None):
        assert AmountOrZeroField(required=False).clean(empty) == Decimal(0)
        with pytest.raises(ValidationError):
            AmountOrZeroField().clean(empty)
    assert AmountOrZeroField(required=False).clean(" 5 ") == 5


def test_a_time_is_read_and_shown_as_on_a_clock() -> None:
    field = ClockField(label="Daily mail at", required=False)
    assert field.clean("22:30") == EVENING
    assert field.clean("") is None
    assert field.label == "Daily mail at"
    shown = field.widget.render("at", EVENING)
    assert 'type="time"' in shown
    assert 'value="22:30"' in shown
    with pytest.raises(ValidationError, match="Type a time like"):
        field.clean("half past ten")


@pytest.mark.parametrize(
    ("begin", "end", "wrong"),
    [
        ("", "", []),
        ("22:30", "07:00", []),
        ("22:30", "", ["quiet_until"]),
        ("", "07:00", ["quiet_from"]),
        ("22:30", "22:30", ["quiet_until"]),
        ("late", "07:00", ["quiet_from"]),
    ],
)
def test_quiet_hours_have_a_beginning_and_an_end(begin: str, end: str, wrong: list[str]) -> None:
    form = AlertTimesForm({"daily_at": "08:15", "quiet_from": begin, "quiet_until": end})
    assert {field: len(messages) for field, messages in form.errors.items()} == dict.fromkeys(
        wrong, 1
    )
    if not wrong:
        quiet = (EVENING, MORNING) if begin else (None, None)
        sent = dict(zip(("quiet_from", "quiet_until"), quiet, strict=True))
        assert form.cleaned_data == {"daily_at": time(8, 15), **sent}


def test_the_daily_mail_needs_a_time() -> None:
    form = AlertTimesForm({"daily_at": "", "quiet_from": "late", "quiet_until": "later"})
    assert sorted(form.errors) == ["daily_at", "quiet_from", "quiet_until"]


def test_the_page_of_times_shows_those_that_are_saved(client: Client, ana: User) -> None:
    times = {"daily_at": time(8, 15), "quiet_from": EVENING, "quiet_until": MORNING}
    AlertTimes.objects.create(owner=ana, **times)
    client.force_login(ana)
    page = client.get("/alerts/settings/times/")
    assert (page.status_code, page.context["form"].is_bound) == (200, False)
    assert page.context["form"].initial == times
    fields = [*page.context["form"]]
    assert [field.label for field in fields] == ["Daily mail at", "No mail from", "No mail until"]
    assert [bool(field.help_text) for field in fields] == [False, False, True]
    assert AlertTimes.objects.get().daily_at == times["daily_at"]
