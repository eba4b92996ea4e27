"""Many payments from one CSV file. The file is parsed, stored, checked without booking, and then
booked.

`parser` reads the format, `storage` stores the lines, `preview` posts all lines and rolls back,
`booking` posts the lines, and `results` returns the result of each line as a table.
"""
