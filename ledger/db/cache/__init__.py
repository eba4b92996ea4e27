"""Caches that all processes share: in a database table or on a Redis server."""
