"""Groups payments by category, tag, counterparty, month and metadata key: `/explorer/browse/`.

Each step is a URL with a search query. `groups` counts and sums the payments that the search finds,
and every group links to a search for exactly its payments.
"""
