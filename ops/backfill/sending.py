"""SendMessageBatch, and what it did not send: it answers 200 whatever became of the single messages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_ENTRIES: Final = 10  # in one request
TRIES: Final = 5
FIRST_PAUSE: Final = 0.5  # seconds; each is twice the last


class NotSent(Exception):
    """Some messages were refused, by the number of each in what was to be sent; the rest has been sent."""

    def __init__(self, refused: Mapping[int, str]) -> None:
        super().__init__(", ".join(sorted(set(refused.values()))))
        self.refused = dict(refused)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends to one queue, all as one tenant of it: messages that come from elsewhere overtake.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html

    Args:
        sqs: a boto3 client.
        group: the tenant's name.
        pause: waits for so many seconds.
    """

    sqs: Any
    url: str
    group: str
    pause: Callable[[float], None]

    def send(self, bodies: Sequence[str]) -> None:
        """Send at most `MOST_ENTRIES` messages; those that SQS does not report as sent are sent again.

        Raises:
            NotSent: some were refused for what they are, or again and again.
        """
        left, refused = dict(enumerate(bodies)), dict[int, str]()
        for tries in range(TRIES):
            if tries:
                self.pause(FIRST_PAUSE * 2 ** (tries - 1))
            answer = self._request(left)
            failed = {int(entry["Id"]): entry for entry in answer.get("Failed", ())}
            sent = {int(entry["Id"]) for entry in answer.get("Successful", ())}
            refused |= {at: _why(entry) for at, entry in failed.items() if entry.get("SenderFault")}
            left = {at: text for at, text in left.items() if at not in sent and at not in refused}
            if not left:
                break
        refused |= {at: _why(failed.get(at, {})) for at in left}
        if refused:
            raise NotSent(refused)

    def _request(self, bodies: Mapping[int, str]) -> Mapping[str, Any]:
        entries = [{"Id": str(at), "MessageBody": text, "MessageGroupId": self.group} for at, text in bodies.items()]
        answer: Mapping[str, Any] = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        return answer


def _why(entry: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (entry.get("Code", "no answer"), entry.get("Message", ""))))
