"""``darkroom status``: a stage on one screen.

Read in this order:

    command     the command line: options, and what is drawn again and again
    looking     one look at everything
    rates       how fast the queue empties, and when it will be empty                             pure
    metrics     what CloudWatch has of the queue and of the consumer
    outcomes    how images ended in the last hour
    page        all that, for people and as JSON
"""
