"""The models of rules that set the categories of payments, and of budgets for categories."""

from transactions.categories.models.budget import Budget
from transactions.categories.models.category_rule import CategoryRule

__all__ = [
    "Budget",
    "CategoryRule",
]
