"""Traces by OpenTelemetry, where LEDGER_TRACING is on (docs/tracing.md); otherwise nothing.

Any room may open a span; this one stands below all others and knows nothing of them. Names and
facts of spans are words out of the code and numbers of things: never an amount, a name, an address,
an account, a path, a query string or a token.
"""
