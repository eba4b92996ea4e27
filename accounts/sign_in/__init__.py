"""Sign-in: who may sign in, how, and what a session may do. The pages are in
`accounts.security`.
"""
