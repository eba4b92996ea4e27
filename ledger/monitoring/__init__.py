"""The page `/metrics`: metrics about the site and the bank for Prometheus (docs/monitoring.md).

This package imports all other packages, because it describes them. Counters are defined with
`ledger.metrics`, in the modules that increment them.
"""
