"""Readers of other banks' files. A reader yields an OutsideLine as soon as it has read a payment.
So the memory use does not depend on the size of the file.
"""
