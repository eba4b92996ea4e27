"""Readers of other banks' files. Each reader yields OutsideLines while it reads, with constant
memory use.
"""
