"""Runs one recipe and records its SQL, plans, result and timeline."""
