"""The HTTP API: clients upload images and get the status of each.

Read in this order:

    routes      every route with its handler, and the response when a handler fails
    uploads     POST /uploads and POST /upload: presigned POSTs and direct uploads
    repeats     what an Idempotency-Key makes of POST /upload
    images      GET /images...: the status of an image, its variants, the caller's recent images; DELETE /images/{id}
    lookup      the image that an id means: the caller's own, or any object for an operator
    picture     a finished image as srcset and picture element
    site        the page, its files, and two documents: openapi.json and settings.json
    service     what every route handler uses: settings, owners, versions, objects; and the caller
    files       which files a stage accepts, by type and name; the file that POST /upload sends
    schemas     the files that POST /uploads declares, parsed and validated
    queries     the query of a GET, parsed and validated
    status      an image's records in the ledger as a status, and as JSON
    ids         ids of images, and the keys that follow from them
    http        request, response, problem
    owners      which caller an image belongs to: items in the images table, beside the ledger's
    versions    the ledger's records of an object
    objects     presigned POSTs, links and direct uploads: S3
    erasures    requests for erasures, where the stage has them: an item and a message
    settings    the environment variables

`owners`, `versions`, `objects` and `erasures` call AWS with the clients that they are given; no other module does.
"""
