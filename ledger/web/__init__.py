"""Middleware, health probes, the theme, and the page shown when the database fails."""
