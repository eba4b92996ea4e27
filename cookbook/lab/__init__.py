"""The lab: runs raw SQL that tries to break each rule of the database, and shows which rule
refused it.
"""
