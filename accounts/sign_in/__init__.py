"""Rules of sign-in: which users may sign in, with which factors, and what a session may do. The
pages are in `accounts.security`.
"""
