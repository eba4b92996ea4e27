"""`manage.py work` after a line on stdin: `python -m ledger.server.work_process`.

Before that line it loads nothing, so that it does not slow down the first page.
"""

import os
import sys

if __name__ == "__main__" and sys.stdin.readline():  # empty if `serve` has ended
    # With --verbosity 0, only failures and mails appear in the terminal of `serve`.
    os.execv(sys.executable, [sys.executable, "manage.py", "work", "--verbosity", "0"])  # noqa: S606
