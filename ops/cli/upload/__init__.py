"""``darkroom upload``: files into the uploads bucket, many at once, each once, and followed to its end if wanted.

Read in this order:

    command     the command line: options, exit code
    files       which files are meant, and the key of each
    run         a file after the other, several at once; what became of each
    content     what a file is, by its content, and whether the recipe would refuse it
    present     what is in the bucket already, and whether a file is the same
    transfer    one file into the bucket, in one request or in parts
    report      what is shown of all that, and as JSON
"""
