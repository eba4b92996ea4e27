"""The URLs of categories, rules and budgets."""

from django.urls import path

from ledger.web.table_files import paths_of_files
from transactions.categories import budget_views as budgets
from transactions.categories import rule_views as rules
from transactions.categories import views as categories

urlpatterns = [
    path("categories/", categories.categories, name="categories"),
    path("categories/<uuid:change>/undo/", categories.undo, name="categories_undo"),
    path("categories/rules/", rules.rules, name="category_rules"),
    path("categories/rules/new/", rules.rule_new, name="category_rule_new"),
    path("categories/rules/<uuid:pk>/", rules.rule_change, name="category_rule"),
    path("categories/rules/<uuid:pk>/apply/", rules.rule_apply, name="category_rule_apply"),
    path("categories/rules/<uuid:pk>/move/", rules.rule_move, name="category_rule_move"),
    path("categories/rules/<uuid:pk>/remove/", rules.rule_remove, name="category_rule_remove"),
    path("budgets/", budgets.budgets, name="budgets"),
    *paths_of_files("budgets/budgets", budgets.budgets_file, "budgets"),
    path("budgets/new/", budgets.budget_new, name="budget_new"),
    path("budgets/<uuid:pk>/", budgets.budget_change, name="budget"),
    path("budgets/<uuid:pk>/remove/", budgets.budget_remove, name="budget_remove"),
]
