"""Caches that all processes share: a database table, or a Redis server with the table as the
fallback.
"""
