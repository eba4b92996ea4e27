"""The tree of a query becomes conditions in SQL."""
