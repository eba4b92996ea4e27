"""Code for the site: middleware, health probes, the theme, the security log, and error pages."""
