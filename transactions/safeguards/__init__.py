"""Protects a person who pays: the review, known recipients, and limits on guesses."""
