"""Metadata as a receipt shows it."""

from collections.abc import Iterator

from transactions.receipts.details import STORED_LIMIT, pretty


class Long(list[str]):
    """A list that nobody reads to its end."""

    def __iter__(self) -> Iterator[str]:
        yield from super().__iter__()
        raise AssertionError("it was read to its end")


def test_long_json_is_cut_and_not_read_to_its_end() -> None:
    assert len(pretty(Long(["x" * 100] * STORED_LIMIT))) == STORED_LIMIT
