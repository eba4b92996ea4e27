"""The filters of a statement as its address has them, and what its page shows of an account."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from accounts.services import close_account
from ledger.text.dates import MICROSECOND
from tests.factories import AccountFactory
from tests.transactions.statements.pages import NOON, page_of
from transactions.statements import forms
from transactions.statements.forms import DatesForm, StatementForm, WordsField, WordsForm
from transactions.statements.page import Filters, mark_of

FIRST, LAST = "1900-01-01", "2999-12-31"


def test_a_day_is_optional_and_within_the_calendar_of_the_bank() -> None:
    field = forms._day("From")
    assert (field.label, field.required, field.clean("")) == ("From", False, None)
    assert [field.clean(day) for day in (FIRST, LAST)] == [forms.FIRST_DAY, forms.LAST_DAY]
    for day in ("1899-12-31", "3000-01-01"):
        with pytest.raises(ValidationError) as refusal:
            field.clean(day)
        assert refusal.value.messages == [forms.WHICH_DAYS]
    assert 'type="date"' in field.widget.render("start", None)


def test_words_are_optional_and_read_as_by_the_search() -> None:
    field = forms._words()
    assert isinstance(field, WordsField)
    assert (field.label, field.required) == ("Words, a name or an amount", False)
    assert field.help_text
    assert [field.clean(typed) for typed in (" rent  4 ", "", None)] == ["rent 4", "", ""]
    assert [*WordsForm().fields] == ["q"]


@pytest.mark.parametrize(
    ("start", "end", "wrong"),
    [
        ("2026-03-12", "2026-03-12", []),
        ("2026-03-12", "2026-03-11", ["end"]),
        ("2026-03-12", "", []),
        ("", "2026-03-11", []),
        ("", "", []),
        ("late", "2026-03-11", ["start"]),
        ("late", "later", ["end", "start"]),
    ],
)
def test_a_period_does_not_end_before_it_begins(start: str, end: str, wrong: list[str]) -> None:
    for form in (DatesForm, StatementForm):
        assert sorted(form({"start": start, "end": end}).errors) == wrong


def test_the_form_has_filters_and_the_place_of_a_page() -> None:
    sent = {
        "start": "2026-03-12", "end": "2026-03-13", "direction": "in", "q": " rent  4",
        "before": str(mark_of(NOON)), "after": str(mark_of(NOON) - 1), "paper": "1",
    }  # fmt: skip
    form = StatementForm(sent)
    assert form.filters == Filters(date(2026, 3, 12), date(2026, 3, 13), "in", "rent 4")
    assert (form.mark("before"), form.mark("after")) == (NOON, NOON - MICROSECOND)
    assert form.cleaned_data["paper"] is True
    empty = StatementForm({})
    assert (empty.filters, empty.cleaned_data["paper"]) == (Filters(), False)
    assert (empty.mark("before"), empty.mark("after")) == (None, None)
    assert StatementForm({"direction": "out"}).filters == Filters(direction="out")
    for name in ("before", "after"):
        for typed in ("x", "9" * 30):
            wrong = StatementForm({**sent, name: typed})
            assert [*wrong.errors] == ["__all__"]
            assert (wrong.filters, wrong.mark("before"), wrong.mark("after")) == (
                Filters(), None, None,
            )  # fmt: skip
    assert [*StatementForm({"direction": "sideways"}).errors] == ["direction"]


@pytest.mark.django_db
def test_the_page_of_an_open_account_follows_its_news(client: Client) -> None:
    account = AccountFactory()
    client.force_login(account.user)
    context = page_of(client, account).context
    assert context["position"] is not None
    assert "panel" in context
    close_account(account=account, reason="Asked")
    assert page_of(client, account).context["position"] is None


@pytest.mark.django_db
def test_only_staff_who_see_names_see_how_words_were_looked_up(staff: Client, clerk: User) -> None:
    staffs, account = AccountFactory(user=clerk), AccountFactory()
    assert "panel" in page_of(staff, staffs, q="rent").context
    customer = Client()
    customer.force_login(account.user)
    context = page_of(customer, account, q="rent").context
    assert "panel" not in context
    assert "position" not in context
