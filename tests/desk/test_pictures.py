"""Photos lose what tells of their maker, and not one pixel; whatever is no whole picture is refused."""

import hashlib
import io
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.accounts import in_folder
from tests.desk.pictures import TOLD, TYPES, cleaned, picture

from yuanliu.database import Family, open_database
from yuanliu.desk.attachments import open_store
from yuanliu.desk.pictures import clean
from yuanliu.desk.tables_accounts import ATTACHMENT
from yuanliu.errors import YuanliuError

KINDS = pytest.mark.parametrize("kind", sorted(TYPES))


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@KINDS
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_only_the_picture_stays(kind: str, orientation: int) -> None:
    sent = picture(kind, orientation=orientation)
    assert all(word in sent for word in TOLD[:2]), "there is nothing to take out"
    kept = cleaned(sent)
    before, after = opened(sent), opened(kept)
    assert after.tobytes() == before.tobytes()
    assert after.info.get("icc_profile") == before.info["icc_profile"], "its colours would change"
    assert [word for word in TOLD if word in kept] == []
    assert dict(after.getexif()) == ({0x0112: orientation} if orientation != 1 else {})
    assert clean(TYPES[kind], kept) == kept


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"progressive": True}), ("WEBP", {"lossless": True}), ("PNG", {"interlace": True})],
)
def test_other_ways_to_write_a_picture(kind: str, options: dict[str, bool]) -> None:
    sent = picture(kind, **options)
    kept = cleaned(sent)
    assert opened(kept).tobytes() == opened(sent).tobytes()
    assert [word for word in TOLD if word in kept] == []


@KINDS
def test_an_animation_keeps_its_frames(kind: str) -> None:
    if kind == "JPEG":
        return
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    kept = Image.open(io.BytesIO(clean(TYPES[kind], out.getvalue())))
    assert getattr(kept, "n_frames", 1) == len(frames)


@KINDS
def test_a_picture_that_is_cut_off_is_refused(kind: str) -> None:
    whole = cleaned(picture(kind))
    for end in {*range(12, len(whole), 97), len(whole) - 1}:
        with pytest.raises(YuanliuError) as caught:
            clean(TYPES[kind], whole[:end])
        assert caught.value.code == "attachments.picture_broken"


@cache
def photo(kind: str) -> bytes:
    """Give the same bytes each time: what is drawn depends on how many there are."""
    return cleaned(picture(kind, orientation=6))


@KINDS
@given(data=st.data())
def test_whatever_comes_is_cleaned_or_refused(kind: str, data: st.DataObject) -> None:
    whole = bytearray(photo(kind))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    try:
        kept = clean(TYPES[kind], bytes(whole))
    except YuanliuError as error:
        assert error.code == "attachments.picture_broken"  # noqa: PT017 -- either is right
    else:
        assert clean(TYPES[kind], kept) == kept


def test_the_address_is_that_of_the_cleaned_bytes_and_the_sender_is_told(tmp_path: Path) -> None:
    config = in_folder(tmp_path)
    engine = open_database(config, Family.DESK)
    store = open_store(config, engine)
    sent = picture("JPEG", orientation=6)
    named = hashlib.sha256(sent).hexdigest()
    stored = store.put([sent], declared="", name="x.jpg", account="a" * 32, expected=named)
    attachment, file = store.get(stored.sha256)
    with file:
        kept = file.read()
    assert stored.sent_sha256 == named != stored.sha256
    assert kept == cleaned(sent)
    assert (attachment.sha256, attachment.size) == (hashlib.sha256(kept).hexdigest(), len(kept))
    with pytest.raises(YuanliuError, match="no attachment"):
        store.require(named)

    # What was stored as it is, before pictures were cleaned, can still be sent again when its bytes are lost.
    with engine.begin() as connection:
        row = {"sha256": named, "size": len(sent), "media_type": "image/jpeg"}
        row |= {"name": "x", "account": "a" * 32, "created": 0.0}
        connection.execute(ATTACHMENT.insert().values(row))
    assert store.put([sent], declared="", name="x", account="a" * 32).sha256 == named
    engine.dispose()
