"""Rows of several tables, in as few queries as it takes."""

from ledger.cookbook.recipe import Group

GROUP = Group("joins", "Joins", "Rows of several tables, in as few queries as it takes.")
