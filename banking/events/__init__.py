"""Events of accounts, and webhooks (URLs of the account holders' programs) to which they are
sent.
"""
