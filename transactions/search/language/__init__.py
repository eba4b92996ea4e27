"""The query language: parses the typed text into a tree of items. Sends no queries."""
