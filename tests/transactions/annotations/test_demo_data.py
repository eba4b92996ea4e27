"""The demo shows notes and tags."""

from accounts.models import User
from transactions.annotations.search import ids_with_note, tags_in_use
from transactions.demo.seeding import SeedingCounts


def test_ana_has_noted_things_that_the_search_finds(demo: SeedingCounts) -> None:
    ana = User.objects.get(email="ana@example.com")
    used = {tag.tag: tag.count for tag in tags_in_use(ana)}
    assert used["holiday"] > used["lisbon"] > 1
    assert ids_with_note(ana).exists()
