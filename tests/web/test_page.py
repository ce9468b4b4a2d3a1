"""What a person sees of the page in a real browser, with the whole service behind it."""

import pytest
from playwright.sync_api import expect

from tests.ops.local.test_post_policy import send
from tests.web.browsing import API_KEY, PATIENCE, S3, Held, damaged, files, notes
from tests.web.test_access import violations


@pytest.fixture
def held(desk):
    """Uploads that wait until the test lets them go; new ones pass once ``let`` was called."""
    return Held(desk.page, S3)


def test_of_thirty_dropped_photos_two_of_them_bad_28_are_done_and_two_rejected_with_reasons(desk, tmp_path):
    paths = [*files(tmp_path, 28), damaged(tmp_path), notes(tmp_path)]

    desk.drag(paths)
    desk.wait_for_the_end()

    expect(desk.cards("done")).to_have_count(28)
    assert desk.said == "28 of 30 photos finished / 2 need your attention"
    expect(desk.card("damaged.jpg")).to_contain_text("The file is damaged or incomplete.")
    expect(desk.card("damaged.jpg")).to_contain_text("Export the image again")
    expect(desk.card("notes.jpg")).to_contain_text("not an image in a supported format")
    expect(desk.card("photo-01.jpg")).to_contain_text("320 \N{MULTIPLICATION SIGN} 240 · 3 variants")
    expect(desk.page.locator("#live")).to_contain_text("28 of 30 photos finished: 2 need your attention.")
    assert len(desk.asked(f"{desk.url}/uploads")) == 1  # for all presigned POSTs


def test_until_a_picture_has_loaded_its_placeholder_is_shown_and_afterwards_nothing_behind_it(desk, tmp_path):
    held = []
    desk.page.route("**/phone/**", lambda route: held.append(route))
    desk.choose(files(tmp_path, 1))
    desk.wait_for("done", 1)
    picture = desk.card("photo-01.jpg").locator(".look img")
    behind = "picture => getComputedStyle(picture).backgroundImage"

    assert picture.evaluate(behind).startswith('url("data:image/webp;base64,UklGR')
    while not held:
        desk.page.wait_for_timeout(50)
    held.pop().continue_()

    expect(picture).to_have_js_property("complete", True)
    expect(picture).to_have_css("background-image", "none")


def test_of_a_dropped_folder_every_file_is_taken_but_the_hidden_ones(desk, tmp_path):
    below = tmp_path / "album" / "below"
    below.mkdir(parents=True)
    paths = files(below.parent, 1) + files(below, 1, start=2)
    (below / ".hidden.jpg").write_bytes(paths[0].read_bytes())

    desk.drag_folder(below.parent)

    desk.wait_for("done", 2)
    expect(desk.all_cards).to_have_count(2)


def test_thumbnails_come_as_photos_are_done_and_a_click_compares_the_variants(desk, tmp_path):
    desk.choose(files(tmp_path, 2))
    desk.wait_for("done", 2)
    picture = desk.card("photo-01.jpg").locator(".look img")
    expect(picture).to_have_js_property("naturalWidth", 320)

    desk.look_at("photo-01.jpg")
    dialog = desk.page.get_by_role("dialog", name="photo-01.jpg")
    shown = dialog.locator("#compare-picture")
    expect(shown).to_have_js_property("naturalWidth", 320)
    first = shown.get_attribute("src")
    dialog.get_by_text("phone").click()

    expect(dialog.get_by_role("radio", name="phone")).to_be_checked()
    assert shown.get_attribute("src") != first
    expect(dialog).to_contain_text("320 \N{MULTIPLICATION SIGN} 240 pixels · JPEG")
    dialog.get_by_role("button", name="Next photo").click()
    expect(desk.page.get_by_role("dialog", name="photo-02.jpg")).to_be_visible()
    desk.press("Close")
    expect(desk.page.locator("#compare")).to_be_hidden()


@pytest.mark.parametrize("left", [1, 0])
def test_a_variant_that_is_gone_when_it_is_chosen_gives_way_to_what_there_is_now(desk, tmp_path, left):
    desk.choose(files(tmp_path, 1))
    desk.wait_for("done", 1)
    card = desk.card("photo-01.jpg")
    desk.look_at("photo-01.jpg")
    radios = desk.page.get_by_role("dialog").get_by_role("radio")
    expect(radios).to_have_count(3)

    def fewer(route):
        answer = route.fetch()
        image = answer.json()
        route.fulfill(response=answer, json=image | {"variants": image["variants"][:left]})

    desk.page.route("**/images/*", fewer)
    with desk.page.expect_response("**/images/*"):
        card.locator(".look img").dispatch_event("error")  # the link is too old
    desk.page.get_by_text("phone", exact=True).click()

    expect(radios).to_have_count(left)
    expect(desk.page.locator("#compare")).to_be_visible(visible=left > 0)


def test_what_was_uploaded_is_followed_after_a_reload_and_what_was_not_can_be_chosen_again(desk, held, tmp_path):
    paths = files(tmp_path, 8)
    desk.choose(paths)
    desk.wait_for("uploading", 5)
    held.let(2)
    desk.wait_for("done", 2)

    desk.page.reload()
    desk.wait_for("lost", 6)
    desk.wait_for("done", 2)
    held.let_all()
    before = len(desk.asked("darkroom-local-uploads"))
    expect(desk.card("photo-08.jpg")).to_contain_text("Not uploaded: the page was closed before")
    desk.choose(paths)
    desk.wait_for("done", 8)
    assert desk.said.startswith("All 8 photos finished")
    expect(desk.page.get_by_text("Not uploaded again, because they are here already: photo-01.jpg")).to_be_visible()
    assert len(desk.asked("darkroom-local-uploads")) - before == 6


def test_an_upload_that_came_through_although_the_page_never_heard_so_is_followed(desk, held, tmp_path):
    with desk.page.expect_response(f"{desk.url}/uploads") as answer:
        (path,) = files(tmp_path, 1)
        desk.choose([path])
    form = answer.value.json()["uploads"][0]["upload"]
    desk.wait_for("uploading", 1)
    assert send(form["url"], form["fields"], path.read_bytes()) == (204, "")

    desk.page.reload()

    desk.wait_for("done", 1)


def test_the_form_that_a_photo_is_sent_with_takes_no_other_type_key_size_or_field(desk, held, tmp_path):
    with desk.page.expect_response(f"{desk.url}/uploads") as answer:
        (path,) = files(tmp_path, 1)
        desk.choose([path])
    form = answer.value.json()["uploads"][0]["upload"]
    url, fields, body = form["url"], form["fields"], path.read_bytes()

    assert send(url, fields | {"Content-Type": "text/html"}, body)[0] == 403
    assert send(url, fields | {"key": f"{fields['key']}.png"}, body)[0] == 403
    assert send(url, fields | {"acl": "public-read"}, body)[0] == 403
    assert send(url, fields, body + b"x")[0] == send(url, fields, body[:-1])[0] == 400
    assert send(url, fields, body)[0] == 204


def test_offline_nothing_is_lost_and_back_online_all_goes_on(desk, held, tmp_path):
    desk.choose(files(tmp_path, 8))
    desk.wait_for("uploading", 5)
    desk.page.context.set_offline(True)
    held.let_all()

    expect(desk.page.get_by_text("You are offline.")).to_be_visible()
    desk.wait_for("queued", 8)
    desk.page.context.set_offline(False)

    desk.wait_for("done", 8)
    expect(desk.page.get_by_text("You are offline.")).to_be_hidden()


def test_an_upload_that_s3_cannot_take_just_now_is_sent_again(desk, tmp_path):
    stumbles = []
    desk.page.route(S3, lambda route: stumbles.append(route.fulfill(status=503, body="<Code>SlowDown</Code>")), times=2)

    desk.choose(files(tmp_path, 2))

    desk.wait_for("done", 2)
    assert len(stumbles) == 2


def test_a_refusal_that_is_not_s3s_own_is_told_by_its_number(desk, tmp_path):
    desk.page.route(S3, lambda route: route.fulfill(status=413, body="<h1>Too large for this proxy</h1>"))

    desk.choose(files(tmp_path, 1))

    desk.wait_for("broken", 1)
    expect(desk.card("photo-01.jpg")).to_contain_text("The storage service rejected the upload: 413.")


def test_one_upload_can_be_canceled_and_retried_while_the_others_go_on(desk, held, tmp_path):
    desk.choose(files(tmp_path, 3))
    desk.wait_for("uploading", 3)

    desk.press("Cancel photo-02.jpg")
    held.let_all()
    desk.wait_for("done", 2)
    expect(desk.card("photo-02.jpg")).to_contain_text("Canceled.")
    assert desk.said == "2 of 3 photos finished / 1 canceled"
    desk.press("Retry photo-02.jpg")

    desk.wait_for("done", 3)


def test_an_upload_that_was_canceled_and_retried_before_it_had_a_form_can_be_canceled_again(desk, held, tmp_path):
    asked = []
    desk.page.route("**/uploads", lambda route: asked.append(route), times=1)
    desk.choose(files(tmp_path, 1))
    desk.press("Cancel photo-01.jpg")
    desk.press("Retry photo-01.jpg")
    while not asked:
        desk.page.wait_for_timeout(50)  # the page is ahead of the browser
    asked[0].continue_()
    desk.wait_for("uploading", 1)

    with desk.page.expect_event("requestfailed"):
        desk.press("Cancel photo-01.jpg")


def test_all_uploads_can_be_canceled_and_the_list_cleared(desk, held, tmp_path):
    desk.choose(files(tmp_path, 7))
    desk.wait_for("uploading", 5)

    desk.press("Cancel uploads")
    desk.wait_for("canceled", 7)
    desk.press("Clear finished")

    expect(desk.all_cards).to_have_count(0)
    expect(desk.page.get_by_role("button", name="Choose photos")).to_be_focused()


def test_what_cannot_be_sent_is_said_before_anything_is(desk, tmp_path):
    (tmp_path / "notes.txt").write_text("milk")
    (tmp_path / "empty.png").touch()

    desk.choose([tmp_path / "notes.txt", tmp_path / "empty.png"])

    expect(desk.card("notes.txt")).to_contain_text("This file type is not supported.")
    expect(desk.card("notes.txt")).to_contain_text("Save it as JPEG, PNG,")
    expect(desk.card("empty.png")).to_contain_text("The file is empty.")
    assert desk.asked(f"{desk.url}/uploads") == []
    desk.press("Dismiss notes.txt")
    expect(desk.all_cards).to_have_count(1)


def test_a_wrong_key_is_refused_and_asked_for_again(tab):
    desk = tab().open(key=None)
    desk.give("darkroom-local-key-0002")

    expect(desk.page.get_by_role("alert")).to_have_text("This API key is not valid. Check it and try again.")
    expect(desk.drop).to_be_hidden()
    desk.give(API_KEY)
    expect(desk.drop).to_be_visible()


@pytest.mark.parametrize(
    ("authorizer", "words"),
    [("iam", "only requests that are signed with AWS credentials"), ("jwt", "identifies people by their sign-in")],
)
def test_a_service_that_takes_no_keys_says_so_instead_of_asking_for_one(tab, authorizer, words):
    desk = tab(bypass_csp=True)
    settings = desk.page.request.get(f"{desk.url}/settings.json").json() | {"authorizer": authorizer}
    desk.page.route("**/settings.json", lambda route: route.fulfill(json=settings))

    desk.page.goto(desk.url)

    expect(desk.page.locator("#notice")).to_contain_text(words)
    expect(desk.drop).to_be_hidden()
    expect(desk.page.get_by_label("API key")).to_be_hidden()
    assert violations(desk.page) == []


def test_a_key_that_is_withdrawn_is_asked_for_and_the_uploads_go_on_with_the_new_one(desk, tmp_path):
    desk.page.route("**/uploads", lambda route: route.fulfill(status=403, body="{}"), times=1)

    desk.choose(files(tmp_path, 2))

    expect(desk.page.get_by_role("alert")).to_have_text("This API key is no longer valid.")
    desk.give(API_KEY)
    desk.wait_for("done", 2)


def test_the_key_is_kept_in_the_tab_and_nowhere_else(desk):
    desk.page.context.add_cookies([{"name": "other", "value": "of the host", "url": desk.url}])
    with desk.page.expect_request("**/images*") as listed:
        desk.page.reload()
    assert "cookie" not in listed.value.all_headers()
    desk.page.context.clear_cookies()
    expect(desk.drop).to_be_visible()
    other = desk.page.context.new_page()
    other.goto(desk.url)

    expect(other.get_by_label("API key")).to_be_visible()
    assert desk.page.context.cookies() == []
    assert desk.page.evaluate("() => localStorage.length") == 0


def test_everything_works_by_keyboard_and_the_focus_is_given_back(tab, tmp_path):
    desk = tab().open(key=None)
    page = desk.page
    page.on("filechooser", lambda _chooser: None)  # from now on: to begin with it takes longer than to press a key
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(API_KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Choose photos")).to_be_focused(timeout=PATIENCE)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(files(tmp_path, 2))
    desk.wait_for("done", 2)

    look = desk.card("photo-01.jpg").get_by_role("button", name="Compare the variants of photo-01.jpg")
    for _ in range(5):
        page.keyboard.press("Tab")
        if look.evaluate("button => button === document.activeElement"):
            break
    expect(look).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="desktop")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="tablet")).to_be_checked()
    page.keyboard.press("Escape")
    expect(page.locator("#compare")).to_be_hidden()
    expect(look).to_be_focused()
