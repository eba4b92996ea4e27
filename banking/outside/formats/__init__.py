"""Readers of other banks' files. Each reader yields an OutsideLine as soon as it has read the line,
so the memory use does not depend on the size of the file.
"""
