"""The forms of outside accounts: what they take, refuse and return."""

from decimal import Decimal
from typing import Any

import pytest
from django import forms

from banking.outside.formats.columns import ROLES
from banking.outside.formats.sheet import Sheet
from banking.outside.forms import (
    BalanceField,
    ColumnsForm,
    OutsideAccountForm,
    OutsideChangeForm,
    UploadForm,
)
from ledger.db.ids import uuid7
from tests.banking.outside.files import outside_account
from tests.factories import UserFactory


@pytest.mark.parametrize(
    ("typed", "balance"),
    [
        ("", 0), ("  ", 0), (None, 0), ("5", 5), (" 1,234.50 ", Decimal("1234.50")),
        ("-5", -5), ("- 5", -5), ("\N{MINUS SIGN}5", -5), ("0", 0), ("-0", 0),
    ],
)  # fmt: skip
def test_a_balance_may_be_below_zero_or_empty(typed: str | None, balance: Decimal | int) -> None:
    assert BalanceField(required=False).clean(typed) == balance


@pytest.mark.parametrize("typed", ["many", "-", "--5", "5-", "1e3", "9" * 41])
def test_a_balance_that_is_no_figure_is_refused(typed: str) -> None:
    with pytest.raises(forms.ValidationError):
        BalanceField(required=False).clean(typed)


def test_a_balance_has_at_most_forty_characters() -> None:
    assert BalanceField().widget.attrs == {
        "inputmode": "decimal", "autocomplete": "off", "maxlength": "40",
    }  # fmt: skip
    with pytest.raises(forms.ValidationError):
        BalanceField().clean("")


@pytest.mark.parametrize(
    ("initial", "data", "is_changed"),
    [
        ("5.00", "5", False), ("-5.00", "\N{MINUS SIGN}5", False), ("0.00", "", False),
        ("5.00", "5.01", True), ("5.00", "-5", True), ("5.00", "many", True),
        ("", "0", True), (None, "", True),
    ],
)  # fmt: skip
def test_a_balance_has_changed_if_it_is_another_amount(
    initial: str | None, data: str, is_changed: bool
) -> None:
    assert BalanceField(required=False).has_changed(initial, data) is is_changed


def change_form(data: dict[str, str] | None, currency: str = "EUR") -> OutsideChangeForm:
    initial = {"name": "Bank", "opening": "5.00"}
    return OutsideChangeForm(data, initial=initial, currency=currency)


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        ({"name": "Bank", "opening": "5"}, {}),
        ({"name": "New", "opening": "5"}, {"name": "New"}),
        ({"name": "Bank", "opening": ""}, {"opening": 0}),
        ({"name": "New", "opening": "-7.5"}, {"name": "New", "opening": Decimal("-7.5")}),
        # What the page showed is compared, not what the row has now.
        ({"name": "Bank", "opening": "5", "initial-opening": "1.00"}, {"opening": 5}),
        ({"name": "Bank", "initial-name": "Old", "opening": "5"}, {"name": "Bank"}),
    ],
)
def test_only_what_the_reader_changed_is_a_change(
    data: dict[str, str], changes: dict[str, Any]
) -> None:
    sent = {"initial-name": "Bank", "initial-opening": "5.00"} | data
    form = change_form(sent)
    assert form.is_valid()
    assert form.changes == changes


@pytest.mark.parametrize(
    ("currency", "opening", "errors"),
    [
        ("EUR", "0.01", []), ("EUR", "0.001", ["opening"]), ("EUR", "-0.001", ["opening"]),
        ("JPY", "5", []), ("JPY", "5.5", ["opening"]), ("KWD", "0.001", []),
        ("EUR", "many", ["opening"]), ("EUR", "0.000", []), ("", "0.001", []),
    ],
)  # fmt: skip
def test_an_opening_balance_has_the_decimals_of_the_currency(
    currency: str, opening: str, errors: list[str]
) -> None:
    form = change_form({"name": "Bank", "opening": opening}, currency)
    assert list(form.errors) == errors


@pytest.mark.parametrize(
    ("name", "errors"),
    [("n" * 80, []), ("n" * 81, ["name"]), ("", ["name"]), ("\u2028", ["name"])],
)
def test_an_account_has_a_readable_name_of_eighty_letters(name: str, errors: list[str]) -> None:
    assert list(change_form({"name": name, "opening": ""}).errors) == errors
    assert sorted(change_form({"name": name, "opening": "x"}).errors) == [*errors, "opening"]


@pytest.mark.django_db
def test_a_new_account_has_the_id_and_the_currency_of_its_form() -> None:
    empty = OutsideAccountForm()
    assert list(empty.fields) == ["name", "currency", "opening", "id"]
    assert empty["id"].initial.version == 7
    assert empty["opening"].label == "Balance before the first entry"
    assert empty["id"].is_hidden
    assert not any(field.show_hidden_initial for field in empty.fields.values())
    data = {"id": str(uuid7()), "name": "Bank", "currency": "JPY", "opening": "5.5"}
    assert list(OutsideAccountForm(data).errors) == ["opening"]
    assert OutsideAccountForm(data | {"currency": "EUR"}).is_valid()
    for changed in ({"currency": "XXX"}, {"id": "x"}, {"id": ""}):
        assert list(OutsideAccountForm(data | {"opening": ""} | changed).errors) == list(changed)


@pytest.mark.django_db
def test_a_file_goes_into_an_account_of_its_sender() -> None:
    user = UserFactory()
    accounts = [outside_account(owner=user, name=name) for name in ("B", "A")]
    outside_account()
    form = UploadForm(user=user)
    choices = [(str(value), label) for value, label in form.fields["account"].choices]  # type: ignore[attr-defined]
    assert choices == [(f"{accounts[1].pk}", "A, EUR"), (f"{accounts[0].pk}", "B, EUR")]
    assert form["id"].initial.version == 7
    assert form.fields["file"].allow_empty_file  # type: ignore[attr-defined]
    assert all(
        field.help_text for field in (form.fields["file"], *change_form(None).fields.values())
    )


SHEET = Sheet(
    ("Day", "Amount", "", "Fee"), ",", 1,
    (("", " 5.00 ", "x" * 30), ("2026-11-02", "6", "y", "1")),
)  # fmt: skip
TYPED = {"role_date": "0", "role_amount": "1", "texts": ["2"], "order": "dmy", "decimal": "."}


def columns(**changed: Any) -> ColumnsForm:
    return ColumnsForm(TYPED | changed, sheet=SHEET, known={})


def test_a_column_is_named_with_an_example() -> None:
    form = columns()
    labels = ["Day (2026-11-02)", "Amount (5.00)", f"column 3 ({'x' * 24}\u2026)", "Fee (1)"]
    choices = [(str(place), label) for place, label in enumerate(labels)]
    assert form.fields["texts"].choices == choices  # type: ignore[attr-defined]
    for role in ROLES:
        assert form.fields[f"role_{role}"].choices[1:] == choices  # type: ignore[attr-defined]
    bare = Sheet(("Day", ""), ",", 1, ((" ",),))
    form = ColumnsForm(None, sheet=bare, known={})
    assert form.fields["texts"].choices == [("0", "Day"), ("1", "column 2")]  # type: ignore[attr-defined]


def test_the_columns_are_filled_in_as_they_are_known() -> None:
    known = {"date": 2, "texts": [0], "order": "mdy", "decimal": ",", "flip": True}
    form = ColumnsForm(None, sheet=SHEET, known=known)
    roles = {f"role_{role}": None for role in ROLES} | {"role_date": 2}
    assert form.initial == known | roles


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({}, []), ({"role_date": ""}, ["role_date"]), ({"role_date": "4"}, ["role_date"]),
        ({"role_amount": ""}, ["role_amount"]), ({"role_amount": "", "role_in": "3"}, []),
        ({"role_amount": "", "role_out": "3"}, []),
        ({"role_amount": "", "role_out": "1", "role_in": "3"}, []),
        ({"role_out": "3"}, ["role_amount"]), ({"role_in": "3"}, ["role_amount"]),
        ({"role_side": "2"}, []), ({"role_fee": "3"}, []),
        ({"role_amount": "", "role_in": "0", "role_fee": "3"}, ["role_fee"]),
        ({"role_amount": "", "role_out": "0", "role_side": "0"}, ["role_side"]),
        ({"role_amount": "", "role_in": "0", "role_side": "0", "role_fee": "0"},
         ["role_fee", "role_side"]),
        ({"role_amount": "", "role_fee": "0"}, ["role_amount"]),
        ({"order": "dym"}, ["order"]), ({"decimal": "'"}, ["decimal"]), ({"texts": []}, []),
        ({"texts": ["4"]}, ["texts"]),
    ],
)  # fmt: skip
def test_columns_have_one_kind_of_amount(changed: dict[str, Any], errors: list[str]) -> None:
    assert sorted(columns(**changed).errors) == errors


def test_the_mapping_has_each_role() -> None:
    form = columns(role_fee="3", flip="on", order="ymd", decimal=",", texts=["2", "0"])
    assert form.is_valid()
    roles = dict.fromkeys(ROLES) | {"date": 0, "amount": 1, "fee": 3}
    assert form.mapping == roles | {"texts": [2, 0], "order": "ymd", "decimal": ",", "flip": True}
    assert columns().is_valid()
