"""What the process that cleans a PDF answers: one of these bytes, then the content."""

KEPT, REFUSED = b"K", b"R"  # then a PDF; then a sentence in UTF-8
