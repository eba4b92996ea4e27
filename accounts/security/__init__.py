"""The page "Security" and the pages of second factors, which show and change how a user signs
in.
"""
