"""Each row beside its neighbours."""

from ledger.cookbook.recipe import Group

GROUP = Group("windows", "Window functions", "Each row beside its neighbours.")
