"""Many people with cards and faces for tests: straight into the store, the faces made of four patches of color."""

import io
from typing import Any

from PIL import Image

from devicemgr.domain.ports.recognition import Box, FaceCrop
from devicemgr.people import face_samples
from devicemgr.site import site as sites
from devicemgr.store.people import consents, credentials, people
from devicemgr.store.site import settings

FIRST_CARD = 1_000_000


def tiny_face(number: int) -> bytes:
    """A JPEG of 16 by 20 pixels, another one for each number below 65,536."""
    picture = Image.new("RGB", (16, 20))
    for place in range(4):
        shade = 8 + 16 * (number >> 4 * place & 15)
        picture.paste((shade, 255 - shade, 128), (8 * (place % 2), 10 * (place // 2), 8 * (place % 2) + 8, 20))
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=95)
    return held.getvalue()


def admit(box: Any, count: int, *, faces: bool = False) -> None:
    """People B0, B1… of level staff with the cards 1000000, 1000001…"""
    from cli import load_parts

    site = sites.open_site(box.home, load_parts())
    with site.database.write() as session:
        if faces:
            settings.save(session, settings.load(session).model_copy(update={"keep_samples": True}))
        for number in range(count):
            row = people.add(session, f"B{number}", f"Қызметкер {number}", None, None)
            people.set_level(session, row, "staff", held=True)
            credentials.assign_card(session, row, str(FIRST_CARD + number))
            if faces:
                consent, _ = consents.give(session, row, "form")
                key, row.wrapped_key = site.vault.new_data_key(row.id)
                jpeg = tiny_face(number)
                face_samples.keep(session, row, consent, key, key.photo_mac(jpeg), FaceCrop(jpeg, Box(2, 14, 18, 2)))
    site.close()
