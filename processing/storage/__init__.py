"""Objects in S3, one conditional request a method, and the one rule for AWS's refusals: `objects`, then `refusals`."""
