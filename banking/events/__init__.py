"""Events of accounts, delivered to webhooks: addresses of people's own programs."""
