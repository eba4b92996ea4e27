"""The cookbook: pages that show which SQL Django's ORM sends for each of its features. Each visit
to a page executes the SQL.

A recipe is one small function. Its page shows the source of the function, the SQL that Postgres
received, the query plans and the result. Recipes run in the practice bank (`practice/bank.py`): a
small bank in a separate schema, created by the same migrations and services as the real bank. So
recipes use the real models, but have no access to the real bank's data.
"""
