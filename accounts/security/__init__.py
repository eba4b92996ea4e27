"""The page "Security" and the pages of second factors, which show and change what protects a
sign-in.
"""
