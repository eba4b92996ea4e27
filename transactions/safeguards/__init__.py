"""Protects people who make payments: reviews, known recipients, and limits on guessing names and
numbers.
"""
