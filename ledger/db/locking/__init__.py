"""Locks: advisory locks by name, short locks of whole tables, and locks of many rows in parts."""
