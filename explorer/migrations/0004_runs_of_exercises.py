"""Runs of exercises: the outcome "solved", and the scope "practice"."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("explorer", "0003_rows_name_their_author")]

    operations = [
        migrations.AlterField(
            model_name="queryrun",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("rows", "Rows"),
                    ("solved", "Right answer to an exercise"),
                    ("refused", "Refused"),
                    ("stopped", "Stopped for its time"),
                    ("failed", "Failed"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="queryrun",
            name="scope",
            field=models.CharField(
                db_comment="own, bank, or names: the bank with names;"
                " practice: an exercise of the cookbook",
                max_length=10,
            ),
        ),
    ]
