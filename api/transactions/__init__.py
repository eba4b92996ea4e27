"""Transactions: the list, one by its id, and new transactions."""
