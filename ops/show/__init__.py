"""``darkroom show``: everything that is known of one photo.

Read in this order:

    command     the command line: options, exit code
    known       what the uploads bucket, the images table and the variants bucket say
    page        that, for people and as JSON
"""
