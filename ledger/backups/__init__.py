"""Saves a whole bank in one file and restores it, with pg_dump and pg_restore or as a Django
fixture.
"""
