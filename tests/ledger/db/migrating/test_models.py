"""The models are those of the migrations, with their triggers, constraints and search columns."""

import pytest
from django.core.management import call_command


@pytest.mark.whole_code
@pytest.mark.django_db
def test_the_models_are_those_of_the_migrations() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=3)
