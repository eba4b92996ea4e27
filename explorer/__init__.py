"""The explorer runs one SELECT that a user has written. The database role of the query may read
only the explorer's views, and some tables of the practice bank for exercises. The package `browse/`
groups payments by category, tag, counterparty, month and metadata key.
"""
