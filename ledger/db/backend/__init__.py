"""Ledger's version of Django's PostgreSQL backend, with time limits, pools and failovers."""
