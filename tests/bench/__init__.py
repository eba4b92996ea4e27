"""`make bench`: the speed of booking and reading, always compared with a rival in the same run.

Each part has a module (`transfer`, `batch`, `hot`, `disk`, `reads`) with a function `measure`.
docs/performance.md explains each number.
"""
