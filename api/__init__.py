"""The HTTP side: people and programs send images, and see what becomes of each.

Read in this order:

    routes      every route and its story; what is answered when a story fails
    sending     POST /uploads and POST /upload: ids, forms for S3, small bodies
    looking     GET /images...: where an image stands, its variants, the caller's recent ones
    site        the page, its files, and the two documents that describe the service
    state       what the images table says of an image, in words for people
    view        that, as the JSON that is answered
    orders      what a request asks for, read and checked
    callers     who asks
    ids         names for images, and the keys that follow from them
    formats     the content types that are taken
    http        request, response, problem
    register    who was given which id: items of the images table beside the ledger's
    versions    what the ledger has of objects
    objects     forms, links and direct uploads: S3
    settings    what the environment tells

`register`, `versions` and `objects` know AWS, and take their clients as arguments; the rest knows their protocols.
"""
