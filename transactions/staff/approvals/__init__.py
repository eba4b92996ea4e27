"""Approvals: requests that wait for a second person, the decisions, and the approved actions."""
