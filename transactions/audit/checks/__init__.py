"""The checks of the audit. Each module checks one part of the books."""
