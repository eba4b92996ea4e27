"""Why a PDF is not attached."""

_PRINT = "Print it to a new PDF, and choose that file."
MOST_PAGES = 50

ENCRYPTED = "The PDF is encrypted. Print it to a PDF without a password, and choose that file."
DAMAGED = f"The PDF is damaged, or of an unusual kind. {_PRINT}"
JPEG_2000 = f"The PDF has a picture in JPEG 2000, whose metadata cannot be removed here. {_PRINT}"
HIDDEN_LAYERS = f"The PDF has a hidden layer, which would become visible here. {_PRINT}"
INLINE_JPEG = (
    "The PDF has a JPEG among the text of a page, whose metadata cannot be removed here. " + _PRINT
)
TOO_LONG = f"The PDF has more than {MOST_PAGES} pages. Choose one with the receipt alone."
TOO_MUCH_WORK = f"The PDF takes too much work to read. {_PRINT}"
