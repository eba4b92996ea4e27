"""Locks: advisory ones by name, short ones of whole tables, and those of many rows in parts."""
