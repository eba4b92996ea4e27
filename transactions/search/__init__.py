"""Search: finds the transactions that match what a person types in the search box.

`language/` parses the text. `sql/` turns the parsed query into SQL conditions. `engine` runs the
search, `facets` counts, `highlights` marks, `suggestions` answers typos. `page/` renders the
results. Any feature may import this package; it imports no other feature.
"""

from transactions.search.engine import SearchResult, between, entries_with, find, mistakes_in

__all__ = ["SearchResult", "between", "entries_with", "find", "mistakes_in"]
