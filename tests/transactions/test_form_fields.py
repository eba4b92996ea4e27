"""The fields that people see in forms of payments, files and reports."""

from typing import Any

import pytest
from django import forms

from banking.payment_files.forms import CustomersFileForm, PaymentFileForm
from banking.standing_orders.forms import AmountForm, StandingOrderForm
from transactions.reports.forms import CohortForm, DirectionForm
from transactions.reports.pages.balance_forms import BalanceForm, MomentForm
from transactions.reports.save_views import SaveReportForm
from transactions.transfers.forms import TransferForm

AMOUNT = ("Amount", True, "TextInput", {
    "inputmode": "decimal", "autocomplete": "off", "placeholder": "0.00", "maxlength": "40",
})  # fmt: skip
CHOICE: tuple[str, dict[str, str]] = ("Select", {})
DAY = ("DateInput", {"type": "date", "format": "%Y-%m-%d"})
NUMBER = {"inputmode": "numeric", "autocomplete": "off"}
FILE = ("CSV file", True, "FileInput", {"accept": ".csv,text/csv"})
TRANSFER = {
    "id": (None, True, "HiddenInput", {}),
    "from_account": ("From", True, *CHOICE),
    "number": (
        "To account number", True, "TextInput",
        {**NUMBER, "list": "known-accounts", "maxlength": "40"},
    ),
    "name": (
        "Recipient\N{RIGHT SINGLE QUOTATION MARK}s name", False, "TextInput",
        {"autocomplete": "off", "maxlength": "140"},
    ),
    "amount": AMOUNT,
    "description": ("What is the payment for?", False, "TextInput", {"maxlength": "500"}),
    "reference": (None, False, "TextInput", {"maxlength": "140"}),
}  # fmt: skip
PERIOD = {
    "whose": ("Scope", True, *CHOICE),
    "currency": (None, True, *CHOICE),
    "since": ("From", True, *DAY),
    "until": ("To", True, *DAY),
    "compare": ("Compare with", True, *CHOICE),
}
FIELDS: dict[type[forms.Form], dict[str, Any]] = {
    TransferForm: TRANSFER,
    StandingOrderForm: {
        **TRANSFER,
        "every": ("How often", True, *CHOICE),
        "first_on": ("First payment on", True, *DAY),
        "last_on": ("End date", False, *DAY),
        "times": ("Or number of payments", False, "TextInput", NUMBER),
    },
    AmountForm: {"amount": AMOUNT},
    PaymentFileForm: {
        "id": TRANSFER["id"], "from_account": TRANSFER["from_account"], "file": FILE,
    },
    CustomersFileForm: {
        "id": TRANSFER["id"],
        "number": ("From account number", True, "TextInput", {**NUMBER, "maxlength": "40"}),
        "file": FILE,
    },
    SaveReportForm: {
        "name": ("Name", True, "TextInput", {"maxlength": "80"}),
        "group": ("Share with", False, *CHOICE),
    },
    DirectionForm: {**PERIOD, "direction": ("Which way", True, *CHOICE)},
    CohortForm: {
        **{name: PERIOD[name] for name in ("whose", "until", "compare")},
        "since": ("Joined from", True, *DAY),
    },
    BalanceForm: {
        **PERIOD,
        "step": ("Step", False, *CHOICE),
        "number": ("Account", False, "TextInput", {}),
    },
    MomentForm: {
        "whose": PERIOD["whose"],
        "currency": PERIOD["currency"],
        "at": ("Just before", True, "DateTimeInput", {
            "type": "datetime-local", "step": "1", "format": "%Y-%m-%dT%H:%M:%S",
        }),
        "turnover": ("Turnover", True, *CHOICE),
    },
}  # fmt: skip


@pytest.mark.parametrize("form", FIELDS)
def test_a_form_has_the_fields_that_people_see(form: type[forms.Form]) -> None:
    assert {
        name: (field.label, field.required, type(field.widget).__name__, attributes_of(field))
        for name, field in form.base_fields.items()
    } == FIELDS[form]


def attributes_of(field: forms.Field) -> dict[str, str]:
    """The attributes of the field's input; of a day or a time with its type and format."""
    widget: Any = field.widget
    is_time = isinstance(widget, forms.DateInput | forms.DateTimeInput)
    return {
        **widget.attrs,
        **({"type": widget.input_type, "format": widget.format} if is_time else {}),
    }


def test_fields_say_more_where_people_need_it() -> None:
    explained = {
        (form, name)
        for form in FIELDS
        for name, field in form.base_fields.items()
        if field.help_text
    }
    texts = {(form, name) for form in (TransferForm, StandingOrderForm) for name in (
        "name", "description", "reference",
    )}  # fmt: skip
    files = {(form, "file") for form in (PaymentFileForm, CustomersFileForm)}
    assert explained == {*texts, *files, (StandingOrderForm, "last_on")}


@pytest.mark.parametrize("form", [TransferForm, StandingOrderForm, PaymentFileForm])
def test_a_form_has_a_new_id_and_no_empty_account(form: type[forms.Form]) -> None:
    fields: dict[str, Any] = form.base_fields
    assert fields["from_account"].empty_label is None
    first, second = (fields["id"].initial() for _ in range(2))
    assert first != second


def test_choices_say_what_is_chosen_at_first() -> None:
    fields: dict[str, Any] = {**SaveReportForm.base_fields, **StandingOrderForm.base_fields}
    assert (fields["group"].empty_label, fields["every"].initial) == ("nobody", "month")
