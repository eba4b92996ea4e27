"""What a table can do by itself."""

from ledger.cookbook.recipe import Group

GROUP = Group("schema", "Schema", "What a table can do by itself.")
