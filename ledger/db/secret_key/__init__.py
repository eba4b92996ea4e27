"""Code for SECRET_KEY: the keys that are derived from it, and encrypting secrets again after it has
changed.
"""
