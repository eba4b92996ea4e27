"""The pages of the admin about money: lists, forms with a review (`desk`), the search (`find`),
payment files, the audit with the seals, and the numbers on the first page.
"""
