"""What each parameter of a stage costs that switches something on. Read in this order:

usage       the images that are charged, and how large what belongs to one is
erasing     the requests of an erasure
formulas    the lines of a bill for so many images, for a million of something else, and for a month
table       the row of each switch: its formulas, its alarms, and what a figure leaves out
priced      what the switches that are on cost together

A new switch is a new row in `table`; a test fails while a parameter has none.
"""
