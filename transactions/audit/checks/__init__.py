"""The checks of the audit, a module for each part of the books."""
