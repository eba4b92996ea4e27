"""The function that sums up what a person has paid to others, behind a lock on the person."""

from django.db import migrations

# VOLATILE: then each of its statements has a snapshot of its own, and the sum sees what was booked
# while it waited for the lock. See Note [Splitting] in `transactions.safeguards.confirmation`.
CREATE = """
CREATE FUNCTION paid_to_others(person uuid, of_currency text, since timestamptz, locks boolean)
RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    own uuid[];
BEGIN
    IF locks THEN
        PERFORM FROM users WHERE id = person FOR NO KEY UPDATE;
    END IF;
    own := ARRAY(SELECT id FROM accounts WHERE user_id = person);
    RETURN (
        SELECT coalesce(sum(amount), 0) FROM transactions
        WHERE from_account_id = ANY (own) AND created_at >= since
          AND NOT to_account_id = ANY (own) AND created_by_id = person
          AND currency = of_currency AND type = 'transfer' AND status = 'completed'
    );
END $$;
COMMENT ON FUNCTION paid_to_others IS 'What a person sent to others since a time, for the step-up';
"""
DROP = "DROP FUNCTION paid_to_others"


class Migration(migrations.Migration):
    dependencies = [("transactions", "0025_one_name_of_the_caller")]

    operations = [migrations.RunSQL(CREATE, DROP)]
