"""Signing in through an identity provider by OpenID Connect, by allauth's flow.

allauth's own provider takes an ID token from the token endpoint without checking its signature, and
sends no nonce. Here every token is verified before a claim of it is read.
"""
