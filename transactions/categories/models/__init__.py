"""Rules that assign categories to payments, and budgets of categories."""

from transactions.categories.models.budget import Budget
from transactions.categories.models.category_rule import CategoryRule

__all__ = [
    "Budget",
    "CategoryRule",
]
