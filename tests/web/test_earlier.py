"""Photos that were uploaded before are listed, saved, linked to and deleted; and what is here is not sent twice."""

import pytest
from playwright.sync_api import expect

from tests.web.browsing import PATIENCE, Desk, damaged, photo
from tests.web.test_access import PHONE, violations

COUNTED = """() => {
    const { createObjectURL, revokeObjectURL } = URL;
    window.alive = new Set();
    URL.createObjectURL = (file) => { const url = createObjectURL.call(URL, file); alive.add(url); return url; };
    URL.revokeObjectURL = (url) => { alive.delete(url); revokeObjectURL.call(URL, url); };
}"""


@pytest.fixture
def phone(tab):
    """A tab on a phone, in which a valid key was given."""
    return tab(**PHONE, bypass_csp=True, accept_downloads=True).open()


def other_tab(desk):
    """A new tab of the same browser, as on the next day."""
    other = Desk(desk.page.context.new_page(), desk.url).open()
    expect(other.page.locator("#past")).to_be_visible(timeout=PATIENCE)
    return other


def named(folder, name, number):
    path = folder / name
    path.write_bytes(photo(number))
    return path


def test_a_new_tab_shows_what_was_uploaded_and_it_is_saved_linked_to_and_deleted(phone, tmp_path):
    name = "yesterday.jpg"
    phone.choose([named(tmp_path, name, 71), damaged(tmp_path)])
    phone.wait_for("done", 1)
    assert violations(phone.page) == []
    later = other_tab(phone)
    card = later.earlier(name)
    expect(card).to_have_count(1)
    expect(card.locator(".look img")).to_have_js_property("naturalWidth", 320)
    expect(later.earlier("damaged.jpg").first).to_contain_text("damaged or incomplete")
    assert violations(later.page) == []

    with later.page.expect_download() as saved:
        card.get_by_role("button", name="Download").click()
    assert saved.value.suggested_filename == name
    assert saved.value.path().read_bytes()[:2] == b"\xff\xd8"

    later.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=later.url)
    card.get_by_role("button", name="Copy the link").click()
    expect(later.page.get_by_text(f"Link to {name} copied. It works for anyone until")).to_be_visible()
    link = later.page.evaluate("() => navigator.clipboard.readText()")
    assert later.page.request.get(link).body()[:2] == b"\xff\xd8"
    assert violations(later.page) == []

    card.get_by_role("button", name="Delete").click()
    dialog = later.page.get_by_role("dialog", name=f"Delete {name}?")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    assert violations(later.page) == []
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    asked = []
    later.page.route("**/images/*", lambda route: route.continue_() if is_delete(route) else asked.append(route))
    card.get_by_role("button", name="Delete").click()
    with later.page.expect_response(lambda answer: answer.request.method == "DELETE") as begun:
        dialog.get_by_role("button", name="Delete").click()
    assert begun.value.status == 202
    expect(card).to_contain_text("Deleting")
    expect(card.get_by_role("button", name="Delete")).to_be_hidden()
    assert violations(later.page) == []
    while not asked:
        later.page.wait_for_timeout(50)
    asked[0].fulfill(status=404, json={"detail": "Image not found."})  # as the service says in half a minute
    expect(card).to_have_count(0)


def test_what_is_shown_can_be_saved_at_once_and_the_rest_is_a_page_away(phone, tmp_path):
    desk = phone
    desk.choose([named(tmp_path, f"series-{number}.jpg", 80 + number) for number in range(3)])
    desk.wait_for("done", 3)
    saved = []
    desk.page.on("download", lambda download: saved.append(download.suggested_filename))

    desk.press("Download all")
    expect(desk.page.get_by_text("3 downloads started.")).to_be_visible(timeout=PATIENCE)
    while len(saved) < 3:
        desk.page.wait_for_timeout(50)
    assert sorted(saved) == ["series-0.jpg", "series-1.jpg", "series-2.jpg"]

    later = Desk(desk.page.context.new_page(), desk.url)
    later.page.route("**/images?limit=25*", lambda route: route.continue_(url=route.request.url.replace("=25", "=2")))
    later.open()
    for number in (2, 1):
        expect(later.earlier(f"series-{number}.jpg")).to_have_count(1, timeout=PATIENCE)
    expect(later.earlier("series-0.jpg")).to_have_count(0)
    assert violations(later.page) == []
    later.press("Show more")
    expect(later.earlier("series-0.jpg")).to_have_count(1, timeout=PATIENCE)


def test_a_photo_that_could_not_be_deleted_stays_and_the_page_says_why(desk, tmp_path):
    desk.choose([named(tmp_path, "kept.jpg", 90)])
    desk.wait_for("done", 1)
    problem = {"detail": "The service is temporarily unavailable."}
    desk.page.route(
        "**/images/*", lambda route: route.fulfill(status=503, json=problem) if is_delete(route) else route.continue_()
    )

    desk.card("kept.jpg").get_by_role("button", name="Delete").click()
    desk.page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(desk.page.get_by_text("kept.jpg was not deleted: The service is temporarily unavailable.")).to_be_visible()
    desk.wait_for("done", 1)
    desk.press("Dismiss")
    expect(desk.page.locator(".notice")).to_have_count(0)


def is_delete(route):
    return route.request.method == "DELETE"


def test_earlier_photos_that_cannot_be_listed_are_asked_for_again(tab):
    desk = tab()
    desk.page.route("**/images?limit=25*", lambda route: route.fulfill(status=500, json={"detail": "A bug."}), times=1)
    desk.open()

    expect(desk.page.get_by_text("Your earlier photos could not be listed. A bug.")).to_be_visible()
    with desk.page.expect_response("**/images?limit=25*"):
        desk.press("Try again")
    expect(desk.page.locator(".notice")).to_have_count(0)


def test_another_key_shows_nothing_of_the_last_ones_photos(desk, tmp_path):
    desk.choose([named(tmp_path, "private.jpg", 91)])
    desk.wait_for("done", 1)
    later = other_tab(desk)

    later.press("Change key")

    expect(later.page.locator("#earlier .card")).to_have_count(0)


def test_a_photo_is_shown_from_its_file_until_its_thumbnail_is_there_and_then_let_go(desk, tmp_path):
    desk.page.evaluate(COUNTED)
    held = []
    desk.page.route("**/darkroom-local-uploads", lambda route: held.append(route))
    desk.choose([named(tmp_path, "local.jpg", 92), named(tmp_path, "gone.jpg", 93)])
    desk.wait_for("uploading", 2)
    expect(desk.card("local.jpg").locator(".preview")).to_have_js_property("naturalWidth", 320)
    assert desk.page.evaluate("() => alive.size") == 2
    while len(held) < 2:
        desk.page.wait_for_timeout(50)
    desk.press("Cancel gone.jpg")
    desk.press("Clear finished")
    expect(desk.all_cards).to_have_count(1)
    assert desk.page.evaluate("() => alive.size") == 1

    for route in held:
        if not route.request.failure:
            route.continue_()
    desk.wait_for("done", 1)

    expect(desk.card("local.jpg").locator(".look img")).to_have_js_property("naturalWidth", 320)
    expect(desk.card("local.jpg").locator(".preview")).to_be_hidden()
    assert desk.page.evaluate("() => alive.size") == 0


def test_files_that_are_here_are_not_uploaded_again_unless_that_is_wanted(desk, tmp_path):
    path = named(tmp_path, "twice.jpg", 94)
    desk.choose([path])
    desk.wait_for("done", 1)
    desk.page.reload()
    desk.wait_for("done", 1)

    desk.choose([path])
    expect(desk.page.get_by_text("Not uploaded again, because it is here already: twice.jpg.")).to_be_visible()
    expect(desk.all_cards).to_have_count(1)
    desk.press("Upload anyway")
    desk.wait_for("done", 2)

    path.write_bytes(photo(95))
    desk.choose([path])  # another picture of the same name
    desk.wait_for("done", 3)


def test_a_row_of_failures_is_dismissed_at_once(phone, tmp_path):
    for number in range(12):
        (tmp_path / f"notes-{number}.txt").write_text("milk")
    phone.choose([*sorted(tmp_path.iterdir()), named(tmp_path, "good.jpg", 96)])
    phone.wait_for("rejected", 12)
    phone.wait_for("done", 1)
    assert violations(phone.page) == []

    phone.press("Dismiss all")

    expect(phone.all_cards).to_have_count(1)
    assert violations(phone.page) == []
    expect(phone.page.get_by_role("button", name="Choose photos")).to_be_focused()
