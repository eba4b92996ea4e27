"""Runs `manage.py work` after it has read a line from stdin: `python -m
ledger.server.work_process`.

The process loads nothing until it has read this line, so that the first page is not delayed.
"""

import os
import sys

if __name__ == "__main__" and sys.stdin.readline():  # readline returns "" if `serve` has ended
    # With --verbosity 0, only failures and emails appear in the terminal of `serve`.
    os.execv(sys.executable, [sys.executable, "manage.py", "work", "--verbosity", "0"])  # noqa: S606
