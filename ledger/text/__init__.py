"""What is read from and shown to people: currencies, amounts, dates, lines of text, SQL."""
