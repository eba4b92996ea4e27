"""One line of text as a person may give it to others to read: a name, a description."""

import unicodedata

# Joiners that scripts need (Persian and Hindi words, emoji), and spaces of a kind.
HARMLESS = "\u200c\u200d\t\n\r"


def odd_characters(text: str) -> list[str]:
    """Characters nobody sees that change how the text around them reads.

    Control characters and the format characters of Unicode, such as U+202E, which shows all
    that follows it backwards: in a payment's review that hides whom it goes to.
    """
    if text.isprintable():  # none of them is, and most texts are
        return []
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in HARMLESS]


# Letters by their class that show nothing.
FILLERS = "\u115f\u1160\u3164\uffa0"


def is_readable(text: str) -> bool:
    """Whether there is a letter or digit that people can see."""
    return any(c.isalnum() and c not in FILLERS for c in text)


def tidy_line(text: str) -> str:
    """The text without such characters, its spaces in order."""
    odd = odd_characters(text)
    return " ".join("".join(c for c in text if c not in odd).split())
