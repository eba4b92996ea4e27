"""`make bench`: how fast the books are, always beside a rival in the same run.

One module a part (`transfer`, `batch`, `hot`, `disk`, `reads`), each with a function `measure`.
docs/performance.md says what each figure means.
"""
