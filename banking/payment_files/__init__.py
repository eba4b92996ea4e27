"""Many payments from one CSV file: it is parsed, stored, checked without booking, then booked.

`parser` knows the format, `storage` keeps the lines, `preview` posts all lines and rolls back,
`booking` posts them, `results` returns the result of each line as CSV.
"""
