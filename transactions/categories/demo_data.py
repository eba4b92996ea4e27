"""Saves Ana's rules for categories and her budgets, for the demo."""

from decimal import Decimal

from transactions.categories.budgets import save_budget
from transactions.categories.models import Budget, CategoryRule
from transactions.categories.rules import apply_to_past, save_rule
from transactions.demo.registered import DemoBank, register

# Name, search, category.
RULES = (
    ("Trip to Lisbon", 'tag:lisbon or "hotel aurora"', "holiday"),
    ("Books as presents", "book or books", "gifts"),
)


@register(order=50)  # run after the demo's notes are written, because a rule searches for a tag
def save_rules(bank: DemoBank) -> None:
    """Saves the rules of the demo and applies them to past payments. A second
    run changes nothing.
    """
    ana = bank.people["ana"]
    if CategoryRule.objects.owned_by(ana).exists():
        return
    for name, query, category in RULES:
        apply_to_past(rule=save_rule(owner=ana, name=name, query=query, category=category))


# Category, monthly amount and currency. Ana pays for holidays from the account in euros.
BUDGETS = (
    ("groceries", 400, "USD"), ("restaurant", 250, "USD"), ("transport", 90, "USD"),
    ("holiday", 600, "EUR"), ("shopping", 20, "USD"),
)  # fmt: skip


@register(order=51)
def save_budgets(bank: DemoBank) -> None:
    """Saves the budgets of the demo. A second run changes nothing."""
    ana = bank.people["ana"]
    if Budget.objects.owned_by(ana).exists():
        return
    for category, amount, currency in BUDGETS:
        save_budget(owner=ana, category=category, currency=currency, amount=Decimal(amount))
