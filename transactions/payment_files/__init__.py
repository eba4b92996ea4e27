"""Paying many people at once: a file is read, stored, checked without booking, then booked.

From the ground up: `reading` knows the format, `storing` keeps the lines, `checking` posts them
all and rolls back, `booking` posts them for good, `results` hands out what became of each.
"""
