"""Filters and tags for templates: money, charts, code."""
