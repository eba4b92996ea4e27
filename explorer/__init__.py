"""The explorer, which runs one SELECT on its views. The database role of the query may read only
these views. The package `browse/` groups payments by category, tag, counterparty, month and
metadata key.
"""
