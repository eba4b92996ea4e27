"""Counters for `/metrics` (docs/monitoring.md lists them), in one process or shared by several
processes.

Every package may use these counters. This package does not import any other package of Ledger.
Labels are names in the code, and never ids, addresses, amounts, paths or texts.
"""
