"""The index of names alone goes: `users_search` holds the same words, and those of addresses."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_person_and_account_words"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="user", name="users_name_words"),
    ]
