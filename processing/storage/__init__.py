"""Objects in S3, one conditional request in each method (`objects`), and the rule for AWS's refusals (`refusals`)."""
