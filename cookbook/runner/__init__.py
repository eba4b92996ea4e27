"""Runs one recipe, and records its SQL, its query plans, its result and its timeline."""
