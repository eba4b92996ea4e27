"""The server: its version, logins, programs and time zones, and a pooler in front of it."""
