"""The features of everyday banking. Each feature is a separate Django app that uses
`transactions`.
"""
