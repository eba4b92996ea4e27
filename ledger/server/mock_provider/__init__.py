"""A mock identity provider for the demo and the tests. It supports OpenID Connect, and only on this
computer.

The provider does not check passwords: everybody who opens its page can choose a person and sign in.
Each of its `FAULTS` makes one response wrong, in order to test that Ledger refuses this response.
The provider does not use Django or the rest of Ledger.
"""
