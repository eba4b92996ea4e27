"""What the database refuses, whoever asks."""

from ledger.cookbook.recipe import Group

GROUP = Group("constraints", "Constraints", "What the database refuses, whoever asks.")
