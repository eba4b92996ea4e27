"""A mock identity provider for the demo and the tests: OpenID Connect only on this computer.

It does not check passwords: everybody who opens its page can choose a person and sign in. Each of
its `FAULTS` makes one response wrong, to test that Ledger refuses it. It does not use Django or the
rest of Ledger.
"""
