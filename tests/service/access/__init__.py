"""Least privilege, proven: what each function was seen to ask of AWS is what its role allows, no less and no more.

::

    recorder   each request of the code, in every test, as an action and a place
    plays      every branch of each function that sends a request, played on moto
    needs      the list: compared with the plays, with every request of all tests, and with the packaged template
    places     the resources of a template, and others beside them, each with an ARN
    rights     what policies allow on all places, compared with the needs
    changes    a policy with one grant less, or one more
"""
