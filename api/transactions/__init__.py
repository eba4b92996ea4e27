"""Transactions in the API: the list, one transaction by its id, and new transactions."""
