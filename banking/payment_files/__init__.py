"""Many payments from one CSV file: the file is parsed, stored, checked without booking, then
booked.

`parser` reads the format, `storage` stores the lines, `preview` posts all lines and rolls back,
`booking` posts them, and `results` returns the result of each line as CSV.
"""
