"""The download of a person's data, the closing of a sign-in, and the erasure of a person after the
retention period.
"""
