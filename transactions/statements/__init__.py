"""The account statement: all entries of an account by day, as a page, for printing and as a
file.
"""
