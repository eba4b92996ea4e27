"""Events of accounts, and webhooks. A webhook is a URL of an account holder's program, to which the
events are sent.
"""
