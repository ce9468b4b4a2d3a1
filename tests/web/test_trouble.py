"""What the page says and does when the service, S3, the connection or a file fails it."""

import re
import socket
import threading
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.web.browsing import PATIENCE, S3, files
from tests.web.test_access import PHONE, violations

MEGABYTE = 1_000_000
REFUSAL = "<Error><Code>{}</Code><Message>{}</Message></Error>"
LOCKED = """() => {
    const get = DataTransferItem.prototype.webkitGetAsEntry;
    DataTransferItem.prototype.webkitGetAsEntry = function () {
        const folder = get.call(this);
        const reader = folder.createReader();
        const locked = (entry) => (entry.name !== 'locked.jpg' ? entry : Object.defineProperty(entry, 'file', {
            value: (done, failed) => failed(new DOMException('locked', 'NotReadableError')),
        }));
        const readEntries = (done, failed) => reader.readEntries((found) => done(found.map(locked)), failed);
        return Object.defineProperty(folder, 'createReader', { value: () => ({ readEntries }) });
    };
}"""


@pytest.fixture
def phone(tab):
    """A tab on a phone, in which a valid key was given, and which may send to any host."""
    return tab(**PHONE, bypass_csp=True).open()


@pytest.mark.parametrize("answer", ["500", "nothing", "a page of somebody else"])
def test_a_service_that_fails_is_named_and_asked_again_at_once_when_that_is_wanted(phone, tmp_path, answer):
    def fail(route):
        if answer == "nothing":
            route.abort()
        elif answer == "500":
            late = {"Retry-After": "600"}  # so that nothing but the button can make it go on
            route.fulfill(status=500, headers=late, json={"detail": "Internal error. It has been logged."})
        else:
            route.fulfill(status=200, content_type="text/html", body="<h1>Sign in to the hotel's network</h1>")

    words = {
        "500": "The service cannot answer now (500).",
        "nothing": "The service is not responding.",
        "a page of somebody else": "Something between this page and the service is responding instead.",
    }
    phone.page.route("**/uploads", fail)
    phone.choose(files(tmp_path, 1))

    notice = phone.page.locator(".notice")
    expect(notice).to_contain_text(f"{words[answer]} The page tries again by itself.")
    expect(phone.card("photo-01.jpg")).to_contain_text("Queued")
    expect(notice.get_by_role("button", name="Try again now")).to_be_visible()
    phone.page.unroute("**/uploads")
    if answer == "500":
        assert violations(phone.page) == []
        phone.press("Try again now")

    phone.wait_for("done", 1)
    expect(notice).to_have_count(0)


def test_a_service_that_fails_before_the_page_is_ready_is_named(tab):
    desk = tab()
    desk.page.route("**/settings.json", lambda route: route.fulfill(status=500, body=""), times=1)
    desk.page.goto(desk.url)

    expect(desk.page.get_by_text("The service cannot answer now (500).")).to_be_visible()
    expect(desk.page.get_by_label("API key")).to_be_visible(timeout=PATIENCE)
    expect(desk.page.locator(".notice")).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "code", "forms"), [(400, "RequestTimeout", 1), (400, "ExpiredToken", 2), (403, "AccessDenied", 2)]
)
def test_what_s3_refuses_for_now_is_sent_again_with_a_new_form_where_the_old_one_has_ended(
    desk, tmp_path, status, code, forms
):
    body = REFUSAL.format(code, "Invalid according to Policy: Policy expired." if status == 403 else "")
    desk.page.route(S3, lambda route: route.fulfill(status=status, body=body), times=1)

    desk.choose(files(tmp_path, 1))

    desk.wait_for("done", 1)
    assert len(desk.asked(f"{desk.url}/uploads")) == forms


def test_a_form_that_has_always_ended_is_not_asked_for_forever(desk, tmp_path):
    desk.page.clock.install()
    desk.page.route(S3, lambda route: route.fulfill(status=400, body=REFUSAL.format("ExpiredToken", "")))
    desk.choose(files(tmp_path, 1))

    while desk.cards("broken").count() == 0:
        if not desk.unanswered:  # or the page's clock would run ahead of an answer, and time it out
            desk.page.clock.run_for(1_000)

    expect(desk.card("photo-01.jpg")).to_contain_text("(ExpiredToken)")
    assert len(desk.asked(f"{desk.url}/uploads")) == 6


def test_of_a_folder_with_a_file_that_cannot_be_read_the_others_are_taken_and_it_is_named(phone, tmp_path):
    phone.page.evaluate(LOCKED)
    album = tmp_path / "album"
    album.mkdir()
    (album / "locked.jpg").write_bytes(b"x")
    files(album, 2)
    phone.drag_folder(album)

    phone.wait_for("done", 2)
    expect(phone.card("locked.jpg")).to_contain_text("This file could not be read.")
    assert violations(phone.page) == []


def test_a_file_that_is_gone_when_its_turn_comes_is_not_taken_for_a_lost_connection(desk, tmp_path):
    (path,) = files(tmp_path, 1)
    asked = []
    desk.page.route("**/uploads", lambda route: asked.append(route), times=1)
    desk.choose([path])
    while not asked:
        desk.page.wait_for_timeout(50)
    path.unlink()
    asked[0].continue_()

    desk.wait_for("broken", 1)
    expect(desk.card("photo-01.jpg")).to_contain_text("The file could not be read.")


def test_types_that_browsers_declare_and_types_that_say_nothing_are_taken(desk, tmp_path):
    (path,) = files(tmp_path, 1)
    declared = [
        ("a.jpg", "image/jpg"),
        ("b.jpg", ""),
        ("c.jpg", "application/octet-stream"),
        ("d", ""),
        ("e.jpg", "image/x"),
    ]
    payload = [{"name": name, "mimeType": kind, "buffer": path.read_bytes()} for name, kind in declared]

    desk.page.locator("#files").set_input_files(payload)

    desk.wait_for("done", 5)


@contextmanager
def breaking_storage(after):
    """Takes files as S3 does, but until an event connections break off after a number of bytes; gives lengths too."""
    lengths: list[int] = []
    is_whole = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return  # closed
                with connection:
                    take(connection, None if is_whole.is_set() else after, lengths)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/", lengths, is_whole
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()


def take(connection, limit, lengths):
    """One request: a preflight, or a file of which no more than ``limit`` bytes are read."""
    with connection.makefile("rb") as stream:
        method = stream.readline().split(b" ")[0]
        headers = dict(line.lower().rstrip().split(b": ", 1) for line in iter(stream.readline, b"\r\n") if line)
        length = int(headers.get(b"content-length", 0))
        if method == b"POST":
            lengths.append(sum(map(len, chunks(stream, min(length, limit or length)))))
            if limit:
                return
    allow = (
        "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: *\r\nConnection: close\r\nContent-Length: 0"
    )
    connection.sendall(f"HTTP/1.1 204 No Content\r\n{allow}\r\n\r\n".encode())


def chunks(stream, length):
    """So many bytes, a megabyte at a time."""
    while length > 0 and (read := stream.read(min(length, MEGABYTE))):
        length -= len(read)
        yield read


def test_a_connection_that_is_silent_for_a_minute_is_given_up_and_after_six_times_the_upload_is(desk, tmp_path):
    desk.page.clock.install()
    held: list[object] = []
    desk.page.route(S3, lambda route: held.append(route))
    desk.choose(files(tmp_path, 1))
    card = desk.card("photo-01.jpg")
    while not held:
        desk.page.wait_for_timeout(50)

    desk.page.clock.run_for(59_000)
    desk.wait_for("uploading", 1)
    desk.page.clock.run_for(1_000)
    expect(desk.page.get_by_text("The connection to the storage service was lost.")).to_be_visible()
    desk.wait_for("queued", 1)

    while desk.cards("broken").count() == 0:
        desk.page.clock.run_for(10_000)
    assert len(held) == 6
    expect(card).to_contain_text("The connection to the storage service was lost.")
    expect(card).to_contain_text("Check your connection, then retry: the upload starts from the beginning.")
    expect(card.get_by_role("button", name="Retry")).to_be_visible()


def test_a_connection_that_is_lost_late_is_said_to_be_and_the_upload_begins_again(phone, tmp_path):
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.write(b"\xff\xd8")
        file.truncate(95 * MEGABYTE)
    with breaking_storage(90 * MEGABYTE) as (url, lengths, is_whole):

        def elsewhere(route):
            answer = route.fetch()
            document = answer.json()
            document["uploads"][0]["upload"]["url"] = url
            route.fulfill(response=answer, json=document)

        phone.page.route("**/uploads", elsewhere)
        phone.choose([large])

        card, notice = phone.card("large.jpg"), phone.page.locator(".notice")
        told = re.compile(r"The upload broke off at \d+ MB of 95 MB\. It starts from the beginning\.")
        expect(card).to_contain_text(told, timeout=PATIENCE)
        expect(notice).to_contain_text(
            "The connection to the storage service was lost. The page tries again by itself."
        )
        expect(notice.get_by_role("button", name="Try again now")).to_be_visible()
        is_whole.set()
        phone.wait_for("working", 1)

    assert lengths[0] == 90 * MEGABYTE
    assert lengths[-1] > 95 * MEGABYTE
