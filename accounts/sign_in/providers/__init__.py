"""Sign-in through an identity provider with OpenID Connect, in allauth's flow.

allauth's own provider accepts an ID token from the token endpoint without checking its signature,
and sends no nonce. Here every token is verified before its claims are read.
"""
