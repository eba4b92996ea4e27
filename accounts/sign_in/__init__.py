"""Rules of sign-in: who may sign in, with which factors, and what a session may do. The pages are
in `accounts.security`.
"""
