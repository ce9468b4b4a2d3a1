"""``darkroom audit``: the uploads bucket against the images table against the variants bucket, object by object.

In reading order::

    command     the options
    report      what is printed
    run         sources and variants are listed side by side, records read, findings returned
    keys        which variants a source has, and which source a variant; sorted listings compared       pure
    judge       what is wrong with one source, and with a variant that has no source in the listing
    rerender    renders a sample again, and compares bytes
    progress    the file of findings, and where an audit is resumed
    repair      a message for what has to be made, a conditional DELETE for what has to go
"""
