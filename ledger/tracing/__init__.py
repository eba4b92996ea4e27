"""Traces with OpenTelemetry, if LEDGER_TRACING is on (docs/tracing.md).

Every package may open a span, because this package imports no other package of Ledger. Names and
attributes of spans are words in the code and counts, never amounts, names, addresses, accounts,
paths, query strings or tokens.
"""
