"""The search page: results, facets, examples."""
