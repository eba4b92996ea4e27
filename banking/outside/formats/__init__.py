"""Readers of other banks' files. A reader yields each OutsideLine as soon as its line is read, so
the memory use does not depend on the size of the file.
"""
