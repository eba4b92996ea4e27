"""Events of accounts, delivered to webhooks: addresses of the account holders' programs."""
