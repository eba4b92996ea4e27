"""One-line texts that people type: names and descriptions, cleaned and quoted."""

import re
import unicodedata
from collections.abc import Iterator

QUOTED = 40  # characters of what somebody typed that a sentence says back
# Joiners that scripts need (Persian and Hindi words, emoji), and spaces of a kind.
HARMLESS = "\u200c\u200d\t\n\r"
# Unassigned characters that Unicode reserves for ones that show nothing, so that systems show them
# as nothing already: Default_Ignorable_Code_Point in DerivedCoreProperties.txt, without Cf.
RESERVED_AS_INVISIBLE = re.compile(
    "[\u2065\ufff0-\ufff8\U000e0000\U000e0002-\U000e001f\U000e0080-\U000e00ff\U000e01f0-\U000e0fff]"
)


def odd_characters(text: str) -> set[str]:
    """Which invisible characters of a text change how it reads.

    Control and format characters, such as U+202E, which reverses all that follows: in the review of
    a payment it would hide the recipient. Also those that Unicode reserves for more of them.
    """
    if text.isprintable():  # none of them is, and most texts are
        return set()
    odd = {c for c in set(text) if unicodedata.category(c) in ("Cc", "Cf") and c not in HARMLESS}
    return odd.union(RESERVED_AS_INVISIBLE.findall(text))


def visible(text: str) -> str:
    """The text with its odd characters written as their numbers: "[U+202E]"."""
    return text.translate({ord(c): f"[U+{ord(c):04X}]" for c in odd_characters(text)})


# Signs that are no control characters and show nothing.
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159"


def is_readable(text: str) -> bool:
    """Whether the text has a visible letter or digit."""
    return any(c.isalnum() and c not in FILLERS for c in text)


# Alphabets with letters that look the same, as Unicode names their letters.
CONFUSABLE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "LISU", "COPTIC"})
# What stands beside their letters in one word: East Asian writing, apostrophes and ordinals.
BESIDE = frozenset(
    "CJK HIRAGANA KATAKANA KATAKANA-HIRAGANA HALFWIDTH HANGUL BOPOMOFO MODIFIER FEMININE MASCULINE"
    .split()
)  # fmt: skip
# Cyrillic and Greek letters that look like Latin ones.
AS_LATIN = frozenset(
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u043e\u0440\u051b\u0455\u0445\u0443\u051d"
    "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u0423"
    "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
)


def alphabets_in(text: str) -> set[str]:
    """The alphabets of the letters, as Unicode names them."""
    return {unicodedata.name(c, " ").split(" ")[0] for c in text if c.isalpha()}


def mixed_word(text: str) -> str:
    """The first word with letters of two alphabets that look alike, such as "Ana" with a Cyrillic
    "a", or the first of a Latin name whose letters are all of another alphabet and look Latin; ""
    if there is none. A simple form of mixed-script detection (Unicode standard UTS 39).
    """
    if text.isascii():
        return ""
    is_latin = "LATIN" in alphabets_in(text)
    for word in text.split():
        alphabets = alphabets_in(word)
        is_mixed = len(alphabets - BESIDE) > 1 and not alphabets.isdisjoint(CONFUSABLE)
        letters = {c for c in word if c.isalpha()}
        if is_mixed or (is_latin and letters and letters <= AS_LATIN):
            return word
    return ""


# Plain letters and digits in another font, size or place, as Unicode decomposes them.
FONTS = ("<font>", "<wide>", "<circle>", "<super>", "<sub>", "<square>")
ORDINALS = "\u00aa\u00ba"  # Spanish and Portuguese abbreviate by them
MOST_MARKS = 4  # on one letter: Vietnamese has two, pointed Hebrew three


def posing_character(text: str) -> str:
    """The first character that looks like another one or like none: a letter in a font of its own,
    a small capital, a letter that shows nothing, a mark on a heap of marks, one that is unassigned
    or private; "" if there is none.
    """
    if text.isascii():
        return ""
    marks = 0
    for letter, c in _with_letter_before(text):
        marks = marks + 1 if _is_mark(c) else 0
        if marks > MOST_MARKS or c in FILLERS or _is_in_a_font(c) or _joins_nothing(letter, c):
            return c
        if _is_unassigned(c):
            return c
    return ""


def has_hidden_signs(text: str) -> bool:
    """Whether the text has a character that shows nothing or turns what follows, so that it may
    look like another text.
    """
    if odd_characters(text):
        return True
    pairs = () if text.isascii() else _with_letter_before(text)
    return any(c in FILLERS or _joins_nothing(letter, c) for letter, c in pairs)


def _with_letter_before(text: str) -> Iterator[tuple[str, str]]:
    """Each character, and before it the last one that is no mark on a letter; first a blank.

    In place of comparing composed texts: `unicodedata.normalize` sorts the marks on a letter in
    quadratic time, and stops all other threads meanwhile.
    """
    letter = " "
    for c in text:
        yield letter, c
        if not _is_mark(c):
            letter = c


def _is_mark(c: str) -> bool:
    return unicodedata.category(c).startswith("M")


def _is_unassigned(c: str) -> bool:
    """Whether the character is private or unassigned. The planes 2 and 3 have only Chinese
    characters, and newer versions of Unicode than Python's add those of people's names there.
    """
    return unicodedata.category(c) in ("Cn", "Co") and not "\U00020000" <= c < "\U00040000"


def _joins_nothing(letter: str, c: str) -> bool:
    """Whether a joiner or a variation selector follows a letter that has no other form, or a blank:
    then nobody sees it.
    """
    is_unseen = c in "\u200c\u200d" or "VARIATION SELECTOR" in unicodedata.name(c, "")
    return is_unseen and (letter == " " or not alphabets_in(letter).isdisjoint(CONFUSABLE))


def _is_in_a_font(c: str) -> bool:
    if c in ORDINALS:
        return False
    is_plain = unicodedata.normalize("NFKC", c).isascii()
    is_number = unicodedata.category(c) == "Nl"  # a Roman one
    decomposes = unicodedata.decomposition(c).startswith(FONTS) or is_number
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
    """A category of the data as a visible label: "eating_out" is "Eating out". "" for none."""
    label = visible((category or "").replace("_", " ").strip())
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


def tidy_reason(text: str) -> str:
    """The text as `tidy_line`; "" without a visible letter or digit, because it says nothing."""
    tidied = tidy_line(text)
    return tidied if is_readable(tidied) else ""


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
