"""The explorer runs one SELECT on its own views, as a database role that may read nothing else.
`browse/` groups payments by category, tag, counterparty, month and metadata key.
"""
