"""Locks: advisory locks with names, short locks on whole tables, and locks on many rows in several
transactions.
"""
