"""`manage.py work`, once a line has come on stdin: `python -m ledger.server.work_process`.

Until then it loads nothing, so that the first page does not wait for it.
"""

import os
import sys

if __name__ == "__main__" and sys.stdin.readline():  # empty if `serve` has ended
    # Without its reports: what failed, and mails, appear in the terminal of `serve`.
    os.execv(sys.executable, [sys.executable, "manage.py", "work", "--verbosity", "0"])  # noqa: S606
