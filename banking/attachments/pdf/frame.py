"""The output format of the process that cleans a PDF: one byte (KEPT or REFUSED), and then the
content.
"""

KEPT, REFUSED = b"K", b"R"  # KEPT: a PDF follows; REFUSED: a message in UTF-8 follows
