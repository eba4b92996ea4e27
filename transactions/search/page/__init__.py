"""The search page: the results, the facets and the example queries."""
