"""The explorer: one SELECT over views made for it, as a database role that may read nothing else;
and `browse/`, the books by category, tag, counterparty, month and metadata key.
"""
