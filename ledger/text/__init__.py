"""Parses and formats texts for users: currencies, amounts, dates, lines of text and SQL."""
