"""One-line texts that people type: names and descriptions, cleaned and quoted."""

import unicodedata

QUOTED = 40  # characters of what somebody typed that a sentence says back
# Joiners that scripts need (Persian and Hindi words, emoji), and spaces of a kind.
HARMLESS = "\u200c\u200d\t\n\r"


def odd_characters(text: str) -> list[str]:
    """Invisible characters that change how a text reads.

    Control and format characters, such as U+202E, which reverses all that follows: in the review of
    a payment it would hide the recipient.
    """
    if text.isprintable():  # none of them is, and most texts are
        return []
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in HARMLESS]


# Letters by their class that show nothing.
FILLERS = "\u115f\u1160\u3164\uffa0"


def is_readable(text: str) -> bool:
    """Whether the text has a visible letter or digit."""
    return any(c.isalnum() and c not in FILLERS for c in text)


# Alphabets with letters that look the same, as Unicode names their letters.
CONFUSABLE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "LISU", "COPTIC"})


def mixed_word(text: str) -> str:
    """The first word with letters of two alphabets that look alike, such as "Ana" with a Cyrillic
    "a"; "" if there is none. A simple form of mixed-script detection (Unicode standard UTS 39).
    """
    if text.isascii():
        return ""
    for word in text.split():
        alphabets = {unicodedata.name(c, " ").split(" ")[0] for c in word if c.isalpha()}
        if len(alphabets & CONFUSABLE) > 1:
            return word
    return ""


# Plain letters and digits in another font, size or place, as Unicode decomposes them.
FONTS = ("<font>", "<wide>", "<circle>", "<super>", "<sub>", "<square>")
ORDINALS = "\u00aa\u00ba"  # Spanish and Portuguese abbreviate by them
MOST_MARKS = 4  # on one letter: Vietnamese has two, pointed Hebrew three


def posing_character(text: str) -> str:
    """The first character that looks like another one or like none: a letter in a font of its own,
    a small capital, a letter that shows nothing, a mark on a heap of marks; "" if there is none.
    """
    if text.isascii():
        return ""
    marks = 0
    for c in unicodedata.normalize("NFC", text):
        marks = marks + 1 if unicodedata.category(c).startswith("M") else 0
        if marks > MOST_MARKS or c in FILLERS or _is_in_a_font(c):
            return c
    return ""


def _is_in_a_font(c: str) -> bool:
    if c in ORDINALS:
        return False
    is_plain = unicodedata.normalize("NFKC", c).isascii()
    decomposes = unicodedata.decomposition(c).startswith(FONTS)
    return (is_plain and decomposes) or "SMALL CAPITAL" in unicodedata.name(c, "")


def unfit_name(name: str) -> str:
    """Why a tidy name is refused, as a sentence; "" if it is not."""
    if not is_readable(name):
        return "Type a name with letters or digits."
    if word := mixed_word(name):
        return f"\u201c{shortened(word)}\u201d has letters of two alphabets; write it in one."
    if c := posing_character(name):
        kind = unicodedata.name(c, "a character").lower()
        return f"The name has a character that looks like another ({kind}); use plain letters."
    return ""


def unseen_character(text: str) -> tuple[int, str]:
    """Position and name of the first invisible character; -1 if there is none. A plain space counts
    as visible, other spaces do not.
    """
    for place, c in enumerate(text):
        if not c.isprintable() or c in FILLERS or unicodedata.category(c).startswith("M"):
            name = unicodedata.name(c, "control character").lower()
            return place, f"U+{ord(c):04X} ({name})"
    return -1, ""


def counted(count: int, what: str) -> str:
    """ "1 payment", "1,240 payments"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def category_label(category: str | None) -> str:
    """A category of the data as a label: "eating_out" is "Eating out". "" for none."""
    label = (category or "").replace("_", " ").strip()
    return label[:1].upper() + label[1:]


def shortened(text: str, most: int = QUOTED) -> str:
    """The text for a quotation in a sentence, cut if long."""
    return text if len(text) <= most else f"{text[:most]}\u2026"


def grouped_digits(number: int) -> str:
    """A count with commas between thousands: "12,345"."""
    return f"{number:,}"


def cut(text: object, most: int) -> str:
    """The text, or its beginning with "…": at most so many characters in all."""
    whole = str(text)
    return whole if len(whole) <= most else f"{whole[: most - 1]}\u2026"


def tidy_line(text: str) -> str:
    """The text without invisible characters and extra spaces."""
    odd = odd_characters(text)
    return " ".join("".join(c for c in text if c not in odd).split())


def grouped(number: str) -> str:
    """An account number in groups of four: "4821 0937 5549"."""
    plain = "".join(number.split())
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def encodes(text: str) -> bool:
    """Whether UTF-8 can encode the text: False for a lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
