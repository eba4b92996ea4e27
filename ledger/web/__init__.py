"""Middleware, health probes, the theme, the security log, and the page for a database failure."""
