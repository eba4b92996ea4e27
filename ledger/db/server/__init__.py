"""Code for the database server: its version, logins, programs, time zones and pooler."""
