"""The comparison of a typed name with a holder's name, and names that are shown in part."""

import string

import pytest

from transactions.safeguards.names import compared, masked_name


@pytest.mark.parametrize(
    ("typed", "holder", "is_what"),
    [
        ("", "Mara Lindt", ""),
        ("Mara Lindt", "Mara Lindt", "match"),
        ("LINDT, mara", "Mara Lindt", "match"),
        ("Frau. Lindt", "Mara Lindt", "other"),
        ("Ms Mara Lindt", "Mara Lindt", "match"),
        ("Jose Munoz", "José Muñoz", "match"),
        ("Niamh ONeill", "Niamh O'Neill", "match"),
        ("Strasse AG", "Straße AG", "match"),
        ("Tove Ostergaard", "Tove Østergaard", "match"),
        ("Tove Oestergaard", "Tove Østergaard", "match"),
        ("Hakon Bjornstad", "Håkon Bjørnstad", "match"),
        ("CAGLA YILDIZ", "\u00c7a\u011fla Y\u0131ld\u0131z", "match"),
        ("Aetherwerk GmbH", "Ätherwerk GmbH", "match"),
        ("Lukasz Wojcik", "Łukasz Wójcik", "match"),
        ("Chau Nguyen", "Nguyễn Thị Minh Châu", "close"),
        ("M. Lindt", "Mara Lindt", "close"),
        ("Lindt", "Mara Lindt", "close"),
        ("Mara Lint", "Mara Lindt", "close"),
        ("Mara Sofia Lindt", "Mara Lindt", "close"),
        ("Mara Sofia Anna Lindt", "Mara Lindt", "other"),
        ("M L Lindt", "Mara Lindt", "close"),
        ("a b c d l m Lindt Wolf", "Mara Lindt", "other"),
        ("Lindt Wolf Berg", "Lindt L", "other"),
        ("M L", "Mara Lindt", "other"),
        ("Mara Wolf", "Mara Lindt", "other"),
        ("Jo Wolf", "Mara Lindt", "other"),
        ("???", "Mara Lindt", "other"),
        ("Lindt", "林美玲", "other"),
        ("林美玲", "林美玲", "match"),
    ],
)
def test_a_name_is_compared_as_a_person_would(typed: str, holder: str, is_what: str) -> None:
    assert compared(typed, holder) == is_what


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Mara Lindt", "M••• L•••"),
        ("A B C D E F", "A••• B••• C••• D•••"),
        ("Wolfeschlegelsteinhausen", "W•••"),
    ],
)
def test_a_name_in_part_tells_neither_its_letters_nor_their_number(name: str, shown: str) -> None:
    assert masked_name(name) == shown


def test_a_row_of_guesses_beside_all_initials_tells_nothing() -> None:
    guesses = ["mara", "lindt", "wolf", "berg"]
    for more in (guesses, guesses[:1], guesses[1:]):
        row = " ".join([*string.ascii_lowercase, *more])
        assert compared(row, "Mara Lindt") == "other"
