"""Synonyms of the search. With synonyms, a search for a word such as "coffee" also finds payments
of a category or a shop.
"""
