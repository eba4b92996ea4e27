"""Date formats for English. Users can type a day only as 2026-03-14, because 01/02/2026 is
ambiguous. In templates without an explicit format, as in the admin, a day is 14 Mar 2026.
"""

DATE_FORMAT = "j M Y"
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
DATETIME_INPUT_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M"]
