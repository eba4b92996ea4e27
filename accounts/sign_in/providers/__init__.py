"""Sign-in through an identity provider with OpenID Connect, based on allauth.

allauth's provider accepts an ID token from the token endpoint without verifying its signature, and
sends no nonce. This package verifies every token before it reads the claims.
"""
