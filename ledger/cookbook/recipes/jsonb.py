"""Documents inside rows, found by an index."""

from ledger.cookbook.recipe import Group

GROUP = Group("jsonb", "JSONB", "Documents inside rows, found by an index.")
