"""Saves a whole bank in one file, and restores a bank from such a file. The file is a dump of
pg_dump or a Django fixture.
"""
