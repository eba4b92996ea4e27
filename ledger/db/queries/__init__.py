"""Code for queries: lookups, SQL that is compiled once, and a record of the queries of a page."""
