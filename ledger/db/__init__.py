"""The code for PostgreSQL, such as the backend, retries, triggers and roles. It contains nothing
about money.
"""
