"""The page "Security" and the pages of second factors: what protects a sign-in, and changing it."""
