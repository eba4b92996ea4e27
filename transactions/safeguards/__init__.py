"""Protects people who make payments: reviews, known recipients, and limits for guesses of names and
numbers.
"""
