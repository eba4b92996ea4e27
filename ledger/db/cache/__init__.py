"""Caches that all processes share: a table, or a Redis server with the table to fall back on."""
