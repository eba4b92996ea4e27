"""The books by category, tag, counterparty, month and metadata key: `/explorer/browse/`.

Each step is an address with the search's own query: `groups` counts and sums the payments that the
search finds, and every group leads to the search for exactly these.
"""
