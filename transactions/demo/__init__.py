"""The demo bank: believable people and their money, made from a seed.

`cast` and `places` are data; `people` builds the persons, `habits` and `stories` say what
happens on a day, `world` plays the days in order without a database, `seeding` books them.
"""
