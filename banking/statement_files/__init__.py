"""Statements as files: numbered monthly statements, statements in formats of banks, and their
proof.
"""
