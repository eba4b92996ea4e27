"""Words, weights and ranks."""

from ledger.cookbook.recipe import Group

GROUP = Group("fulltext", "Full-text search", "Words, weights and ranks.")
