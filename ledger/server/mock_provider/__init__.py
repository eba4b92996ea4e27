"""A mock identity provider, for the demo and the tests: OpenID Connect on this machine alone.

It checks no password: whoever opens its page signs in as whom they choose. Each of its `FAULTS`
makes one answer wrong, to see it refused. It knows nothing of Django or of Ledger.
"""
