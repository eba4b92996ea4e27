"""Ana's rules for categories."""

from accounts.models import User
from transactions.categories.rules import apply_to_past, save_rule
from transactions.models import CategoryRule

# Name, search, category.
RULES = (
    ("Trip to Lisbon", 'tag:lisbon or "hotel aurora"', "holiday"),
    ("Books as presents", "book or books", "gifts"),
)


def save_rules(ana: User) -> None:
    """Saves the rules and applies them to the past; a second run changes nothing."""
    if CategoryRule.objects.owned_by(ana).exists():
        return
    for name, query, category in RULES:
        apply_to_past(rule=save_rule(owner=ana, name=name, query=query, category=category))
