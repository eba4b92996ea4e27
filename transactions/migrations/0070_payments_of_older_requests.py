"""Gives each request for a payment file the payments that it is for."""

from django.db import migrations

# Their lines, but those that they left out. A request of since has its payments by the trigger.
FILL = """
INSERT INTO approval_payments (id, request_id, payment_id, to_account_id, amount)
SELECT md5(concat(request.id, ' ', line.id))::uuid, request.id, line.id, line.to_account_id,
       line.amount
FROM approval_requests AS request
JOIN payment_lines AS line ON line.file_id = request.transaction_id
WHERE request.kind = 'payment_file' AND line.to_account_id IS NOT NULL
  AND line.amount IS NOT NULL
  AND NOT EXISTS (SELECT FROM approval_payments AS known WHERE known.request_id = request.id)
  AND NOT coalesce(request.parameters->'left_out' @> to_jsonb(line.number), false)
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0069_approvals_of_many_payments")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
