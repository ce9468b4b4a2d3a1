"""The requests an image costs, signed here and sent over kept connections, for clients that look like boto3's.

botocore takes 1.8 CPU ms for each of them and 0.4 s of every cold start; this takes a quarter of the one and little of
the other (docs/benchmarks.md). The price is that it knows what the consumer needs and no more: five operations, with
the parameters, answers and exceptions that they have in boto3, so that the store and the ledger cannot tell the clients
apart. A test holds every request to be the one that botocore would have sent, to the last byte of its signature.

    clients       which clients an environment asks for: these, or boto3's where something unusual is configured
    s3, dynamodb  one method for each operation
    service       sends a request, again where that may help, and turns error answers into ClientErrors
    connections   kept ones, a host's newest first, and what broke them
    signature     AWS Signature Version 4                                                                           pure
"""

from processing.direct.clients import Clients, direct_clients
from processing.direct.dynamodb import DynamoClient
from processing.direct.s3 import S3Client
from processing.direct.service import ATTEMPTS

__all__ = ["ATTEMPTS", "Clients", "DynamoClient", "S3Client", "direct_clients"]
