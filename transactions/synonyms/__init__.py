"""Synonyms of the search: words such as "coffee" also find payments of a category or a shop."""
