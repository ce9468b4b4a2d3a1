"""What is read from the images table, the dead-letter queue and the uploads queue."""

from dataclasses import asdict

from boto3.dynamodb.types import TypeSerializer

from ops.depths import depth_of
from ops.images import ImagesTable, Record, Variant
from ops.start.letters import DeadLetters
from tests.builders import UPLOADS, created_body

VERSIONS = [(f"{UPLOADS}/images/a.jpg", "e1"), (f"{UPLOADS}/images/b.jpg", "e2")]


def item(thing, etag, **more):
    return {name: TypeSerializer().serialize(value) for name, value in {"object": thing, "etag": etag, **more}.items()}


class Table:
    """Answers one key of a request, and leaves the others for the next, as a throttled table does."""

    def __init__(self, *items):
        self.items = items

    def batch_get_item(self, *, RequestItems):  # noqa: N803 - boto3's names
        ((name, request),) = RequestItems.items()
        assert request["ConsistentRead"] is True
        first, *rest = request["Keys"]
        found = [each for each in self.items if each["object"] == first["object"] and each["etag"] == first["etag"]]
        later = {name: request | {"Keys": rest}} if rest else {}
        return {"Responses": {name: found}, "UnprocessedKeys": later}


class Queue:
    """Holds messages that are hidden once they are received, until somebody makes them visible."""

    def __init__(self, *bodies, size=2):
        self.visible = dict(enumerate(bodies))
        self.hidden = {}
        self.size = size

    def receive_message(self, **_more):
        numbers = sorted(self.visible)[: self.size]
        self.hidden |= {number: self.visible.pop(number) for number in numbers}
        return {"Messages": [{"MessageId": str(n), "ReceiptHandle": str(n), "Body": self.hidden[n]} for n in numbers]}

    def change_message_visibility(self, *, QueueUrl, ReceiptHandle, VisibilityTimeout):  # noqa: N803
        assert VisibilityTimeout == 0
        self.visible[int(ReceiptHandle)] = self.hidden.pop(int(ReceiptHandle))


def test_what_a_throttled_table_leaves_out_is_asked_for_again():
    table = ImagesTable(Table(*(item(*version, status="DONE") for version in VERSIONS)), "images")

    assert set(table.read(VERSIONS)) == set(VERSIONS)


def test_a_version_that_is_not_known_is_left_out():
    assert ImagesTable(Table(), "images").read(VERSIONS) == {}


def test_nothing_is_asked_when_nothing_is_wanted():
    assert ImagesTable(None, "images").read([]) == {}


def test_an_item_becomes_a_record():
    variant = Variant("phone", "phone/a.jpg", "jpeg", 480, 320, 9000)
    known = item(
        *VERSIONS[0],
        status="DONE",
        attempts=2,
        image_format="jpeg",
        mode="RGB",
        width=4000,
        height=3000,
        variants=[asdict(variant)],
        timings={"fetch": 12},
        lost=["animation"],
    )

    assert ImagesTable(Table(known), "images").read(VERSIONS[:1])[VERSIONS[0]] == Record(
        object=VERSIONS[0][0],
        etag=VERSIONS[0][1],
        status="DONE",
        attempts=2,
        image_format="jpeg",
        mode="RGB",
        width=4000,
        height=3000,
        variants=(variant,),
        timings={"fetch": 12},
        lost=("animation",),
    )


def test_a_failure_keeps_its_reason():
    known = item(*VERSIONS[0], status="REJECTED", reason={"class": "CorruptImage", "message": "it breaks off"})

    record = ImagesTable(Table(known), "images").read(VERSIONS[:1])[VERSIONS[0]]

    assert (record.status, record.cause, record.message) == ("REJECTED", "CorruptImage", "it breaks off")


def test_every_dead_letter_is_seen_by_its_version():
    queue = Queue(
        created_body("images/a.jpg", "e1"), created_body("images/b c.jpg", "e2"), created_body("images/a.jpg", "e3")
    )
    letters = DeadLetters(queue, "url")

    letters.look()

    assert letters.versions == {
        (f"{UPLOADS}/images/a.jpg", "e1"),
        (f"{UPLOADS}/images/b c.jpg", "e2"),
        (f"{UPLOADS}/images/a.jpg", "e3"),
    }


def test_a_letter_that_nobody_can_read_is_passed_over():
    letters = DeadLetters(Queue("not json", created_body("images/a.jpg", "e1")), "url")

    letters.look()

    assert letters.versions == {(f"{UPLOADS}/images/a.jpg", "e1")}


def test_letters_are_hidden_while_looking_and_shown_again():
    queue = Queue(created_body("images/a.jpg", "e1"), created_body("images/b.jpg", "e2"))
    letters = DeadLetters(queue, "url")
    letters.look()
    assert queue.visible == {}

    letters.show_again()

    assert queue.hidden == {}
    assert len(queue.visible) == 2


def test_a_queue_is_empty_only_when_nothing_waits_is_delayed_or_is_worked_on():
    class Counts:
        def get_queue_attributes(self, *, QueueUrl, AttributeNames):  # noqa: N803
            numbers = dict(zip(AttributeNames, ("1", "10", "100"), strict=True))
            return {"Attributes": numbers}

    assert depth_of(Counts(), "url").total == 111
