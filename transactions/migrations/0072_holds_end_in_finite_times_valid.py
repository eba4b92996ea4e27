from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("transactions", "0071_holds_end_in_finite_times")]

    operations = [
        ValidateConstraint(model_name="transaction", name="transaction_values_finite"),
    ]
