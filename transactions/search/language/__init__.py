"""The query language: the typed text becomes a tree of items. Sends no queries."""
