"""Counters for `/metrics` (docs/monitoring.md lists them), in one process or in several together.

Every package may count. This package does not import any other. Labels are names from the code:
never an id, an address, an amount, a path or a text.
"""
