"""Middleware, health probes, the theme, the security log, the page for a failed database."""
