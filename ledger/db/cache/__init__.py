"""Caches that all processes share. They are in a database table, or on a Redis server with the
table as a fallback.
"""
