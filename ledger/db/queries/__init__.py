"""Queries: lookups, SQL that is compiled once, and the record of what each query did."""
