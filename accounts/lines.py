"""One line of text as a person may give it to others to read: a name, a description."""

import unicodedata

# Joiners that scripts need: Persian and Hindi words, emoji.
JOINERS = "\u200c\u200d"


def odd_characters(text: str) -> list[str]:
    """Characters nobody sees that change how the text around them reads.

    Control characters and the format characters of Unicode, such as U+202E, which shows all
    that follows it backwards: in a payment's review that hides whom it goes to.
    """
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in JOINERS]


def tidy_line(text: str) -> str:
    """The text without such characters, its spaces in order."""
    odd = set(odd_characters(text)) - set("\t\n\r")
    return " ".join("".join(c for c in text if c not in odd).split())
