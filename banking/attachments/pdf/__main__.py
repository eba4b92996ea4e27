"""Reads a PDF from stdin. Writes the cleaned PDF, or the reason for a refusal, to stdout.

The argument is a JSON object: the fields of `CleaningLimits`, and `most`, the maximum size of the
result in bytes. The output is KEPT and the PDF, or REFUSED and a message in UTF-8.
"""

import json
import logging
import sys

from banking.attachments.pdf.frame import KEPT, REFUSED
from banking.attachments.pdf.limits import CleaningLimits, limit_this_process
from banking.attachments.pdf.objects import rewritten
from banking.attachments.refusals import UnfitFile


def main() -> None:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # pypdf logs parts of documents
    arguments = json.loads(sys.argv[1])
    most = arguments.pop("most")
    limits = CleaningLimits(**arguments)
    limit_this_process(limits)
    try:
        answer = KEPT + rewritten(sys.stdin.buffer.read(), limits, most)
    except UnfitFile as refusal:
        answer = REFUSED + str(refusal).encode()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
