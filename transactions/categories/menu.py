"""The menu items "Budgets" and "Categories"."""

from ledger.web.menu import register

register("Budgets", "transactions:budgets", order=20)
register("Categories", "transactions:categories", order=30)
