"""Code for PostgreSQL, such as the database backend, retries, triggers and roles. Nothing in this
package is about money.
"""
