"""`/metrics`: metrics of the site and the bank for Prometheus (docs/monitoring.md).

This package imports all others, because it describes them. Counters are defined in the modules that
count, with `ledger.metrics`.
"""
