"""The explorer runs one SELECT on its own views. The query runs as a database role that may read
only these views. The package `browse/` groups payments by category, tag, counterparty, month and
metadata key.
"""
