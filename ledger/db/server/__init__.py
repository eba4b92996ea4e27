"""Code for the database server: its version, logins, programs and time zones, and a pooler between
Ledger and the server.
"""
