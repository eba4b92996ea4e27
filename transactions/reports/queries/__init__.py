"""The query of each report."""
