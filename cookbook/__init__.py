"""The live cookbook: what each part of Django's ORM becomes in Postgres, run while you read.

A recipe is one small function. Its page shows its own source, the SQL that Postgres got, the
plans and the result. All of it happens in the practice bank (`practice.py`): a small bank in a
schema of its own, made by the same migrations and the same services, so that the code is that
of the real books while no row of anybody's can be reached.
"""
