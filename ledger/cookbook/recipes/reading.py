"""Large results in little memory and few pages."""

from ledger.cookbook.recipe import Group

GROUP = Group("reading", "Reading much", "Large results in little memory and few pages.")
