"""``darkroom show``: everything that is known of one photo.

Read in this order:

    command     the options, and the output for people and as JSON
    facts       what the uploads bucket, the images table and the variants bucket have of it
"""
