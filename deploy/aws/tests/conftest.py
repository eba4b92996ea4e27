import pytest

from tests.flavours import FLAVOURS, Templates, templates


@pytest.fixture(params=FLAVOURS, scope="session")
def bank(request: pytest.FixtureRequest) -> Templates:
    """Each flavour in turn."""
    return templates(request.param)
