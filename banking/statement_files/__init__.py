"""Statements to hand on: numbered ones of months, files in formats of banks, their proof."""
