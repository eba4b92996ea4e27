"""The pages of the admin about money: lists, forms with a review (`desk`), the search (`find`),
payment files, audits, seals, and the numbers on the first page.
"""
