"""Rows in, rows out: the questions every page begins with."""

from ledger.cookbook.recipe import Group

GROUP = Group("basics", "Basics", "Rows in, rows out: the questions every page begins with.")
