"""A day is typed as 2026-03-14 alone: Django would read 01/02/2026 as 2 January.
Shown without a format of its own, as in the admin, it is 14 Mar 2026.
"""

DATE_FORMAT = "j M Y"
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
DATETIME_INPUT_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M"]
