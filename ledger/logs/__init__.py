"""Adds the origin to each log line, such as the request or the job, and writes the output of
commands as log lines.
"""
