"""What a person types in a search box, turned into rows that the indexes find.

`language/` reads the text, `conditions/` turns it into SQL, `engine` finds, counts and marks rows,
`page/` shows them. Any feature may import this package; it imports no other feature.
"""

from transactions.search.engine import SearchResult, between, entries_with, find, mistakes_in

__all__ = ["SearchResult", "between", "entries_with", "find", "mistakes_in"]
