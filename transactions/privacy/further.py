"""What the apps above keep of people: they add themselves here when they start."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from transactions.privacy.sections import SECTIONS, DataSection
from transactions.privacy.traces import Erased, Traces


@dataclass(frozen=True, slots=True)
class FurtherData:
    """Data of an app: sections of the download; which texts are erased of a person, and in which
    tables with the triggers lifted (`never_change`); what is deleted when its time is over, and how
    many rows, by what they are; and how long each kind is kept, in words.
    """

    sections: tuple[DataSection, ...]
    texts: Callable[[Traces], Iterable[Erased]]
    never_change: tuple[str, ...]
    delete_old: Callable[[datetime], dict[str, int]]
    kept: Callable[[], list[tuple[str, str]]]


FURTHER: list[FurtherData] = []


def all_sections() -> tuple[DataSection, ...]:
    """Every section of the download."""
    return SECTIONS + tuple(section for data in FURTHER for section in data.sections)
