"""Counters for `/metrics` (listed in docs/monitoring.md), for one process or for several processes
together.

Every package may use these counters, because this package imports no other package of Ledger.
Labels are names in the code, never ids, addresses, amounts, paths or texts.
"""
