"""The names of tests."""


def without_group(name: str) -> str:
    """Returns the id of a test without the group, `@tests/test_a.py`, that xdist adds."""
    at = name.find("@", name.rfind("]") + 1)
    return name if at < 0 else name[:at]
