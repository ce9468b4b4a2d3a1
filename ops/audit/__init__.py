"""``darkroom audit``: the uploads bucket against the images table against the variants bucket, object by object.

In reading order::

    command     the options, and what is printed
    run         the story: sources and variants listed side by side, records read, findings given
    merge       the sorted variants that should be there against the sorted ones that are, in bounded memory    pure
    names       which variants a source has, and which source a variant                                         pure
    judge       what is wrong with one source
    orphans     what is wrong with a variant that no source of the listing stands behind
    again       renders a sample again, and compares
    findings    the words for it
    repair      a message for what has to be made, a conditional DELETE for what has to go
"""
