"""Code for SECRET_KEY: its derived keys, and encrypting secrets again after SECRET_KEY has
changed.
"""
