"""Code for queries: lookups, SQL that is compiled only once, and recording which queries a page
ran.
"""
