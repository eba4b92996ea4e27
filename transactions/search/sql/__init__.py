"""Turns the tree of a query into SQL conditions."""
