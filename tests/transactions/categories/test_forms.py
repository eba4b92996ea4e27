"""The forms of categories, rules and budgets: what they read, refuse and are filled in with."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import User
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from transactions.annotations.models import OwnCategory
from transactions.annotations.models.own_category import CATEGORY_LIMIT
from transactions.categories.forms import (
    MARKS,
    NO_QUERY,
    NONE,
    BudgetForm,
    CategoryField,
    RuleForm,
)
from transactions.categories.models import Budget, CategoryRule
from transactions.search.language.parser import parse

GROWING = "\u0130"  # a capital that has two characters in lower case
RULE = {"name": " Lunch  out ", "query": " casa  or rent ", "category": "Eating  Out"}


@pytest.mark.parametrize(
    ("typed", "category"),
    [
        (" Daily  Life ", "daily life"),
        ("x" * CATEGORY_LIMIT, "x" * CATEGORY_LIMIT),
        (GROWING * (CATEGORY_LIMIT // 2), GROWING.lower() * (CATEGORY_LIMIT // 2)),
        ("nonesuch", "nonesuch"),
    ],
)
def test_a_category_is_one_line_in_lower_case(typed: str, category: str) -> None:
    assert CategoryField().clean(typed) == category


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "This field is required."),
        ("***", "Type a category with letters or digits."),
        ("\ud800", "Type letters or digits."),
        (" NONE ", NONE),
        ('a"b', MARKS),
        ("a\\b", MARKS),
        ("\u201ca", MARKS),
        ("a\u201d", MARKS),
        (GROWING * (CATEGORY_LIMIT // 2 + 1), f"Use at most {CATEGORY_LIMIT} characters."),
    ],
)
def test_a_category_that_no_search_can_name_is_refused(typed: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        CategoryField().clean(typed)
    assert refusal.value.messages == [reason]


def test_the_field_of_a_category_offers_those_in_use() -> None:
    field = CategoryField(label="New category", required=False)
    assert (field.label, field.required, field.max_length) == (
        "New category",
        False,
        CATEGORY_LIMIT,
    )
    assert field.widget.attrs == {
        "autocomplete": "off", "list": "categories", "maxlength": str(CATEGORY_LIMIT),
    }  # fmt: skip
    with pytest.raises(ValidationError):
        field.clean("x" * (CATEGORY_LIMIT + 1))


def test_a_rule_is_saved_only_as_it_was_tried() -> None:
    form = RuleForm(RULE)
    assert form.is_valid()
    facts = {"name": "Lunch out", "query": "casa or rent", "category": "eating out"}
    assert form.cleaned_data == {**facts, "tried": ""}
    assert not form.is_tried
    assert form.as_tried == "casa or rent > eating out"
    for tried, is_tried in ((form.as_tried, True), (f"{form.as_tried} ", False)):
        form = RuleForm({**RULE, "tried": tried})
        assert form.is_valid()
        assert form.is_tried is is_tried


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("\u202e", NO_QUERY),
        ("\ud800", NO_QUERY),
        (" ", "This field is required."),
        ("amount:>x", None),
        ("rent amount:>x", None),
    ],
)
def test_a_rule_needs_a_search_without_mistakes(query: str, reason: str | None) -> None:
    form = RuleForm({**RULE, "query": query})
    assert form.errors == {"query": [reason or parse(query).mistakes[0].sentence]}


@pytest.fixture
def ana(db: Any) -> User:
    ana: User = UserFactory()
    return ana


def budget_of(owner: User, currency: str = "USD") -> Budget:
    return Budget(owner=owner, category="eating_out", amount=Decimal(1200), currency=currency)


def test_a_budget_is_in_a_currency_of_its_owner(ana: User) -> None:
    for currency in ("EUR", "USD", "EUR"):
        AccountFactory(user=ana, currency=currency)
    AccountFactory(currency="CHF")

    def offered(form: BudgetForm) -> list[str]:
        choices: Any = form.fields["currency"]
        return [value for value, label in choices.choices if value == label]

    form = BudgetForm.of(None, ana, None)
    assert (offered(form), form.initial, form.is_bound) == (["EUR", "USD"], {}, False)
    form = BudgetForm.of(None, ana, budget_of(ana))
    assert offered(form) == ["EUR", "USD"]
    assert form.initial == {"category": "Eating out", "amount": "1,200.00", "currency": "USD"}
    form = BudgetForm.of(None, ana, budget_of(ana, "JPY"))
    assert offered(form) == ["EUR", "USD", "JPY"]
    assert form.initial["amount"] == "1,200"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"currency": "JPY"}, ["amount"]),
        ({"currency": "JPY", "amount": "90"}, []),
        ({"amount": "90.505"}, ["amount"]),
        ({"amount": "0"}, ["amount"]),
        ({"amount": "-1"}, ["amount"]),
        ({"amount": ""}, ["amount"]),
        ({"currency": "CHF", "amount": "90.505"}, ["currency"]),
        ({"category": "none", "amount": "", "currency": ""}, ["category", "amount", "currency"]),
    ],
)
def test_a_budget_has_an_amount_of_its_currency(
    changes: dict[str, str], wrong: list[str], ana: User
) -> None:
    AccountFactory(user=ana)
    sent = {"category": "food", "amount": "90.50", "currency": "USD", **changes}
    form = BudgetForm.of(sent, ana, budget_of(ana, "JPY"))
    assert [*form.errors] == wrong
    if not wrong:
        assert form.cleaned_data == {**sent, "amount": Decimal(sent["amount"])}


@pytest.mark.parametrize(
    ("typed", "category"),
    [("Eating out", "eating_out"), ("food", "food"), ("Saved up", "saved up"), ("Other", "other")],
)
def test_a_category_typed_as_pages_show_it_is_the_one_in_use(
    ana: User, typed: str, category: str
) -> None:
    sent = {"category": typed, "amount": "90", "currency": "USD"}
    in_use = ["food", "eating_out", "saved_up", "saved up"]
    form = BudgetForm.of(sent, ana, budget_of(ana), offered=in_use)
    assert form.is_valid()
    assert form.cleaned_data["category"] == category


def test_the_page_of_a_rule_begins_with_what_its_address_has(client: Client, ana: User) -> None:
    client.force_login(ana)
    page = client.get("/categories/rules/new/?query=rent&category=food")
    form = page.context["form"]
    assert (form.is_bound, form.initial) == (False, {"query": "rent", "category": "food"})
    assert page.context["tried"] is None
    assert not CategoryRule.objects.exists()


def test_without_a_search_no_payment_changes(client: Client, ana: User) -> None:
    client.force_login(ana)
    page = client.post("/categories/", {"q": " ", "category": "food", "id": str(uuid7())})
    assert page.status_code == 200
    assert page.context["form"].errors == {"__all__": [NO_QUERY]}
    assert not OwnCategory.objects.exists()
