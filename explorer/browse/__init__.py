"""The page `/explorer/browse/`, which groups payments by category, tag, counterparty, month and
metadata key.

The URL of a page contains a search query. The module `groups` counts and sums the payments that the
query finds. Every group links to a search for exactly its payments.
"""
