"""The history of changes: signed facts about who wrote a row, and a register of append-only
rows.
"""
