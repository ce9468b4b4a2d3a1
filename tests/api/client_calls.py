"""Calls every operation of the upload API with the client that was generated from its description.

Run by tests/api/test_generated_client.py, in a process that knows the generated package: URL, key and a picture are its
arguments. Prints what came, as JSON.
"""

import io
import json
import re
import sys
import time
from pathlib import Path

from darkroom_client import Client  # type: ignore[import-not-found]
from darkroom_client.api.images import erase_image, get_image, get_variant, list_images  # type: ignore[import-not-found]
from darkroom_client.api.site import get_description, get_page, get_settings  # type: ignore[import-not-found]
from darkroom_client.api.uploads import create_uploads, upload_image  # type: ignore[import-not-found]
from darkroom_client.models import File, FileContentType, Files  # type: ignore[import-not-found]
from darkroom_client.types import File as Body  # type: ignore[import-not-found]

SECONDS = 60.0
OPERATION = re.compile(r"darkroom_client\.api\.\w+\.\w+")  # a module; each that is imported here is called


def main(url: str, key: str, picture: Path) -> None:
    client = Client(base_url=url, headers={"x-api-key": key}, raise_on_unexpected_status=True)
    body = picture.read_bytes()
    declared = File(name=picture.name, content_type=FileContentType.IMAGEPNG, size=len(body))
    posts = create_uploads.sync(client=client, body=Files(files=[declared]))
    sent = upload_image.sync(client=client, body=Body(payload=io.BytesIO(body)), name=picture.name)
    deadline = time.monotonic() + SECONDS
    while (answer := get_image.sync_detailed(sent.id, client=client, picture=True)).headers.get("Retry-After"):
        if time.monotonic() > deadline:
            raise TimeoutError(answer.parsed)
        time.sleep(float(answer.headers["Retry-After"]))
    image = answer.parsed
    page = list_images.sync(client=client, limit=50)
    redirect = get_variant.sync_detailed(sent.id, "phone", client=client)
    inside = get_variant.sync(sent.id, "phone", client=client, redirect=False)
    print(
        json.dumps(
            {
                "called": [name.rpartition(".")[2] for name in sys.modules if OPERATION.fullmatch(name)],
                "fields": sorted(posts.uploads[0].upload.fields.to_dict()),
                "status": image.status,
                "variants": [each.name for each in image.variants],
                "srcset": sorted(image.srcset.to_dict()),
                "listed": sent.id in [each.id for each in page.images],
                "redirect": [redirect.status_code, redirect.headers["Location"] == image.variants[2].url],
                "bytes": inside.payload.read()[:4].hex(),
                "settings": get_settings.sync(client=client).max_files,
                "description": get_description.sync(client=client)["openapi"],
                "page": get_page.sync(client=client)[:15],
                "erased": erase_image.sync(sent.id, client=client).id == sent.id,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
