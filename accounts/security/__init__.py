"""The page "Security" and the pages of second factors. They show and change the factors that
protect a sign-in.
"""
