"""The checks of the audit, one module for each part of the books."""
