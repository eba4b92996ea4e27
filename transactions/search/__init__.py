"""The search: finds the transactions that match the text in the search box.

`language/` parses the text. `sql/` turns the parsed query into SQL conditions. `engine` runs the
search, `facets` counts the matches, `highlights` marks the matched words, `suggestions` corrects
typing errors, and `page/` renders the results. Any feature may import this package. This package
does not import any other feature.
"""

from transactions.search.engine import SearchResult, between, entries_with, find, mistakes_in

__all__ = ["SearchResult", "between", "entries_with", "find", "mistakes_in"]
