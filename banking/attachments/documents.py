"""Cleans PDF documents in a separate process (`banking.attachments.pdf`).

Reading a small PDF can need all memory and minutes of CPU time. So the process has limits. Its
environment contains no secrets.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from banking.attachments.pdf.frame import KEPT
from banking.attachments.pdf.limits import CleaningLimits
from banking.attachments.pdf.messages import TOO_MUCH_WORK
from banking.attachments.refusals import BUSY, UnfitFile, reading

BEGINNING = b"%PDF-"
LIMITS = CleaningLimits()
ROOT = Path(__file__).resolve().parents[2]
# The process gets only these environment variables. They contain the paths of programs, libraries
# and modules.
PASSED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")


def rewritten(content: bytes, most: int) -> bytes:
    """Returns a new PDF document that contains only the pages of `content`.

    Raises: UnfitFile if the document is not accepted, or if the new document has more than `most`
    bytes.
    """
    with reading():
        try:
            done = _run(content, json.dumps({**asdict(LIMITS), "most": most}))
        except subprocess.TimeoutExpired:
            raise UnfitFile(BUSY) from None  # waited too long for the CPU
    if done.returncode < 0:  # killed by the kernel, for example for its CPU time
        raise UnfitFile(TOO_MUCH_WORK)
    if done.returncode > 0:
        raise RuntimeError(f"The process that cleans PDFs failed: {done.stderr.decode()}")
    answer, rest = done.stdout[:1], done.stdout[1:]
    if answer != KEPT:
        raise UnfitFile(rest.decode())
    return rest


def _run(content: bytes, limits: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "banking.attachments.pdf", limits],
        input=content,
        capture_output=True,
        cwd=ROOT,
        env={name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        timeout=LIMITS.wall_seconds,
        check=False,
    )
