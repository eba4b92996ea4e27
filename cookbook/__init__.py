"""The live cookbook: how each feature of Django's ORM becomes SQL, executed for each visit.

A recipe is one small function. Its page shows its source, the SQL that Postgres received, the
plans and the result. Recipes run in the practice bank (`practice/bank.py`), a small bank in its
own schema, made by the same migrations and services. So recipes use the real models without
access to the real books.
"""
