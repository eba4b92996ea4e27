"""The format of the output of the process that cleans a PDF: one of these bytes, and then the
content.
"""

KEPT, REFUSED = b"K", b"R"  # KEPT: a PDF follows; REFUSED: a message in UTF-8 follows
