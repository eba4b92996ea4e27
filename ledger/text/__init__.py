"""Parsing and formatting of texts for users: currencies, amounts, dates, lines of text, SQL."""
