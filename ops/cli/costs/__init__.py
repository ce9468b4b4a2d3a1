"""What images cost on AWS, and how long they take: measurements, list prices and a few formulas. Pure.

In reading order::

    cpu         CPU of one image by its megapixels and the processor                measured
    encoding    CPU and bytes of other variants than those that were measured       measured
    requests    what an image requests of S3 and DynamoDB                           counted by tests
    batch       the seconds of one invocation: CPU, and waits that overlap with it  compared with a simulation
    drain       the seconds until a full queue is empty: Lambda's ramp, S3's and DynamoDB's rates     likewise
    bill        the lines of what is paid once
    storage     the lines of what is paid each month for what is kept

`ops.cli.prices` has the prices, `ops.cli.switches` what a stage's parameters add. `python -m bench.estimate` compares
the estimate with measured batches, and prints the constants of `cpu`. Data that leaves the region, retries, cold starts
and the free tier are left out.
"""
