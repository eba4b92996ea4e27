"""Filters and tags for templates, such as money, charts and code."""
