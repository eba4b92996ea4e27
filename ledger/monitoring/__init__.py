"""The page `/metrics`: metrics about the site and the bank for Prometheus (docs/monitoring.md).

This package may import all other packages. A counter is defined with `ledger.metrics` in the module
that increments the counter.
"""
