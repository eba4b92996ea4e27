"""The sum of what a person has paid to others waits for their turn, and no longer for their row."""

from django.db import migrations

# VOLATILE: then each of its statements has a snapshot of its own, and the sum sees what was booked
# while it waited. See Note [Splitting] in `transactions.safeguards.confirmation`.
FUNCTION = """
CREATE OR REPLACE FUNCTION
    paid_to_others(person uuid, of_currency text, since timestamptz, locks boolean)
RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    own uuid[];
BEGIN
    IF locks THEN
        {lock};
    END IF;
    own := ARRAY(SELECT id FROM accounts WHERE user_id = person);
    RETURN (
        SELECT coalesce(sum(amount), 0) FROM transactions
        WHERE from_account_id = ANY (own) AND created_at >= since
          AND NOT to_account_id = ANY (own) AND created_by_id = person
          AND currency = of_currency AND type = 'transfer' AND status = 'completed'
    );
END $$;
"""
# Others lock the row before accounts, and payments would lock it after them. Payments of the code
# before this version wait for the turn here; those of the new code have it already.
TURN = "PERFORM pg_advisory_xact_lock(hashtextextended('payments of ' || person, 0))"
ROW = "PERFORM FROM users WHERE id = person FOR NO KEY UPDATE"


class Migration(migrations.Migration):
    dependencies = [("transactions", "0057_doubts_of_imports")]

    operations = [migrations.RunSQL(FUNCTION.format(lock=TURN), FUNCTION.format(lock=ROW))]
