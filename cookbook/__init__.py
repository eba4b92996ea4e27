"""The live cookbook: shows how each feature of Django's ORM becomes SQL. The SQL is executed for
each visit.

A recipe is one small function. Its page shows the source of the function, the SQL that Postgres
received, the query plans and the result. Recipes run in the practice bank (`practice/bank.py`).
This is a small bank in its own schema, created by the same migrations and services as the real
bank. So recipes use the real models without access to the real books.
"""
