"""The query language. Parses the typed text into a tree of items and does not send queries."""
