"""Scheduled jobs: which jobs exist, when each job is due and was last done, and which worker runs
it.
"""
