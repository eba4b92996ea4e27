"""Turns the parsed query into SQL conditions."""
