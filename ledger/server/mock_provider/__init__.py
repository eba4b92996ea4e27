"""A mock identity provider (OpenID Connect) for the demo and the tests, only on this computer.

The provider checks no passwords: every visitor can choose a person and sign in. Each of its
`FAULTS` makes one response wrong, so that tests can check that Ledger refuses the response. The
provider does not use Django or the rest of Ledger.
"""
