"""PDF documents, cleaned by a process of their own (`banking.attachments.pdf`).

A small PDF can take all memory and minutes of work. So the process has limits, and an environment
without secrets.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from banking.attachments.pdf.frame import KEPT
from banking.attachments.pdf.limits import CleaningLimits
from banking.attachments.pdf.sentences import TOO_MUCH_WORK
from banking.attachments.refusals import BUSY, UnfitFile, reading

BEGINNING = b"%PDF-"
LIMITS = CleaningLimits()
ROOT = Path(__file__).resolve().parents[2]
# Where programs, libraries and modules are; nothing else of the environment.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")


def written_anew(content: bytes, most: int) -> bytes:
    """The pages of the document as a new one of at most so many bytes. Raises UnfitFile."""
    with reading():
        try:
            done = _run(content, json.dumps({**asdict(LIMITS), "most": most}))
        except subprocess.TimeoutExpired:
            raise UnfitFile(BUSY) from None  # above its CPU time it would have been killed
    if done.returncode < 0:  # the kernel has ended it, as above its CPU time
        raise UnfitFile(TOO_MUCH_WORK)
    if done.returncode > 0:
        raise RuntimeError(f"The process that cleans PDFs does not work: {done.stderr.decode()}")
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
        env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
        timeout=LIMITS.wall_seconds,
        check=False,
    )
