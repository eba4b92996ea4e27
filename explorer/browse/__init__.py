"""The page `/explorer/browse/`, which groups payments by category, tag, counterparty, month and
metadata key.

Each step of browsing is a URL with a search query. `groups` counts and sums the payments that the
query finds. Every group has a link to a search for exactly its payments.
"""
