"""A person's own data: its download, closing the sign-in, and erasure after the retention
period.
"""
