"""Traces with OpenTelemetry if LEDGER_TRACING is on (docs/tracing.md).

Every package may open a span. This package does not import any other. Names and facts of spans are
words from the code and counts: never an amount, a name, an address, an account, a path, a query
string or a token.
"""
