"""Search: finds the transactions that match the text in the search box.

`language/` parses the text. `sql/` turns the parsed query into SQL conditions. `engine` runs the
search, `facets` counts, `highlights` marks matches, `suggestions` corrects typing errors. `page/`
renders the results. Any feature may import this package. It imports no other feature.
"""

from transactions.search.engine import SearchResult, between, entries_with, find, mistakes_in

__all__ = ["SearchResult", "between", "entries_with", "find", "mistakes_in"]
