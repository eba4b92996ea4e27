"""The lab: raw SQL that tries to break each rule of the database, and the rule that refused it."""
