"""The parts of the tests: each test is in one, whole files stay together."""

from tests.parts import part_of

FILES = [f"tests/test_{number}.py" for number in range(60)]


def test_each_file_is_in_one_part_and_each_part_has_files() -> None:
    parts = {file: part_of(f"{file}::test_it[x]", 3) for file in FILES}

    assert set(parts.values()) == {1, 2, 3}
    assert all(part_of(f"{file}::test_another", 3) == part for file, part in parts.items())
