"""Thousands of rows, a handful of statements."""

from ledger.cookbook.recipe import Group

GROUP = Group("writing", "Writing many", "Thousands of rows, a handful of statements.")
