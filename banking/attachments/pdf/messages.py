"""The messages for PDFs that are refused."""

_PRINT = "Print it to a new PDF, and choose the new file."
MAX_PAGES = 50

ENCRYPTED = "The PDF is encrypted. Print it to a PDF without a password, and choose the new file."
DAMAGED = f"The PDF is damaged or has an unusual format. {_PRINT}"
JPEG_2000 = f"The PDF has a JPEG 2000 picture. We cannot remove its hidden data. {_PRINT}"
HIDDEN_LAYERS = f"The PDF has a hidden layer, which would become visible here. {_PRINT}"
INLINE_JPEG = (
    "The PDF has a picture inside the text of a page. We cannot remove its hidden data. " + _PRINT
)
TOO_LONG = f"The PDF has more than {MAX_PAGES} pages. Choose a PDF with only the receipt."
TOO_MUCH_WORK = f"This PDF is too complex to process. {_PRINT}"
