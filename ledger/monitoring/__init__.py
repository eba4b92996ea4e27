"""`/metrics`: figures of the site and the bank for Prometheus (docs/monitoring.md).

Stands on top of everything, because it tells of everything. The counters themselves stand in the
rooms that count (`ledger.metrics`).
"""
