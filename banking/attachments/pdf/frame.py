"""The output format of the process that cleans a PDF: one of these bytes, then the content."""

KEPT, REFUSED = b"K", b"R"  # followed by a PDF, or by a message in UTF-8
