"""Approvals: requests that need a second person, decisions, and approved actions."""
