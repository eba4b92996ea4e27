"""What makes a password easy to guess: common ones and their like, repeats and runs, known words.

Always the whole password is judged, never a part of it: a phrase of four words may contain any
common word.
"""

import unicodedata
from collections.abc import Collection
from functools import cache
from itertools import pairwise

from django.contrib.auth.password_validation import CommonPasswordValidator

FEWEST_DIFFERENT = 5
# Runs of a keyboard, a row each; digits and the alphabet are runs of code points.
KEYBOARD_ROWS = ("1234567890", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm")
KEYBOARD_COLUMNS = tuple("1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm".split())
MOST_COMMON_WORDS = 3  # so many common words together are guessed word by word
SHORTEST_WORD, LONGEST_WORD = 3, 16
MOST_EXTRA_LETTERS = 2  # behind the words or the repeated pieces
SHORTEST_PHRASE = 12
KNOWN_PHRASES = (
    "thequickbrownfoxjumpsoverthelazydog", "correcthorsebatterystaple", "maytheforcebewithyou",
    "tobeornottobethatisthequestion", "onceuponatimeinafarawayland", "opensesameopensesame",
)  # fmt: skip
# Letters that people write by other signs.
SUBSTITUTES = str.maketrans("@4301!|5$7+", "aaeoiiisstt")
SUBSTITUTES_WITHIN = str.maketrans("@4301$57", "aaeoisst")  # where ! and | end a word
SITE_WORDS = frozenset(
    "ledger bank banking account accounts money payment payments demo password passphrase pass"
    " word passwort secret login signin admin welcome letmein qwerty my the mine is"
    " to of in at for this our".split()
)


def counted_length(password: str) -> int:
    """Code points that count: a password that repeats a piece counts as long as the piece, and as
    one or two letters behind the last.
    """
    extra = range(MOST_EXTRA_LETTERS + 1)
    return min(len(_piece(password[: len(password) - more])) + more for more in extra)


def is_predictable(password: str) -> bool:
    """Whether it is made of few characters, or mostly of runs such as 1234 or qwerty."""
    text = _piece(password.casefold())
    if len(set(text)) < FEWEST_DIFFERENT or 2 * _free_characters(text) <= len(text):
        return True
    halves = (text[::2], text[1::2])  # 1q2w3e4r: two runs, a sign of each in turn
    return all(2 * _free_characters(half) <= len(half) for half in halves)


def is_few_common_words(password: str) -> bool:
    """Whether it is at most three common words, or a phrase that everybody knows; digits and signs
    between them count for nothing unless they are most of it.
    """
    plain = password.casefold()
    written = (plain, plain.translate(SUBSTITUTES), plain.translate(SUBSTITUTES_WITHIN))
    texts = {text for form in written if 2 * len(text := _letters(form)) >= len(password)}
    texts.add("".join(sign for sign in plain if sign.isalnum()))  # trustno1
    return any(_is_known_phrase(text) or _is_few_words(text) for text in texts)


def _is_known_phrase(text: str) -> bool:
    """Whether it begins with the beginning of a phrase that everybody knows."""
    return text[:SHORTEST_PHRASE] in {phrase[:SHORTEST_PHRASE] for phrase in KNOWN_PHRASES}


def _is_few_words(text: str) -> bool:
    """Whether it is at most three common words, and perhaps one or two letters more."""
    ends = {0}
    for _ in range(MOST_COMMON_WORDS):
        ends = {end for start in ends for end in _word_ends(text, start)}
    return len(text) - max(ends) <= MOST_EXTRA_LETTERS


def _word_ends(text: str, start: int) -> set[int]:
    """Where a common word ends that begins here; and here, where the text may have ended."""
    known = common_passwords()
    lengths = range(SHORTEST_WORD, LONGEST_WORD + 1)
    return {start} | {
        start + length
        for length in lengths
        if start + length <= len(text) and text[start : start + length] in known
    }


def is_common(password: str) -> bool:
    """Whether it is a common password, or one with digits or signs around it or for letters."""
    plain = password.casefold()
    known = common_passwords()
    return any(form in known for form in {plain, plain.strip(), *_bases(plain)})


def consists_of(password: str, words: Collection[str]) -> bool:
    """Whether it has nothing but these words, digits and signs, in any order and case."""
    pieces = {letters for word in words if len(letters := _letters(word)) > 1}
    plain = password.casefold()
    return any(
        bool(text) and _is_made_of(text, pieces)
        for text in {_letters(plain), _letters(plain.translate(SUBSTITUTES)), *_bases(plain)}
    )


@cache
def common_passwords() -> frozenset[str]:
    """Django's list of 20,000 common passwords."""
    return frozenset(CommonPasswordValidator().passwords)


def _bases(plain: str) -> set[str]:
    """The word inside: without digits and signs at its ends, with letters for look-alikes."""
    found = set()
    for text in (plain, plain.translate(SUBSTITUTES)):
        start, end = 0, len(text)
        while start < end and not text[start].isalpha():
            start += 1
        while end > start and not text[end - 1].isalpha():
            end -= 1
        found.add(text[start:end])
    stripped = plain.strip("0123456789!?.,;:-_#*+@$%&/() ")
    found.add(stripped.translate(SUBSTITUTES))
    return found - {""}


def _letters(text: str) -> str:
    """The letters alone, in lower case and without accents."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in parted if sign.isalpha())


def _is_made_of(text: str, pieces: Collection[str]) -> bool:
    reached = {0}  # positions up to which the text is words
    for end in range(1, len(text) + 1):
        if any(end - len(piece) in reached and text.endswith(piece, 0, end) for piece in pieces):
            reached.add(end)
    return len(text) in reached


def _piece(text: str) -> str:
    """The shortest piece that the text repeats at least twice, else the text."""
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return text[:length]
    return text


def _free_characters(text: str) -> int:
    """Characters that do not continue a run of at least three."""
    steps = [_step(one, other) for one, other in pairwise(text)]
    continued = sum(step is not None and step == before for before, step in pairwise(steps))
    return len(text) - continued


def _step(one: str, other: str) -> tuple[str, int] | None:
    """The direction in which the second sign follows the first on a row or in the alphabet."""
    distance = ord(other) - ord(one)
    if abs(distance) <= 1:
        return "code", distance
    if (one, other) in {("9", "0"), ("0", "9")}:
        return "code", 1 if one == "9" else -1
    for row in KEYBOARD_ROWS + KEYBOARD_COLUMNS:
        if one in row and other in row and abs(row.index(other) - row.index(one)) == 1:
            return "row", row.index(other) - row.index(one)
    return None
