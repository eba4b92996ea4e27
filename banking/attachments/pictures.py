"""Decodes pictures and encodes them again as JPEG. The new files contain only the pixels of the
pictures.

Encoding removes EXIF, GPS, thumbnails, texts and all data after the end of the picture. This module
names a decoder for each accepted format, so that Pillow does not try its other decoders.
"""

import io
from collections.abc import Iterator
from math import sqrt

from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from banking.attachments.refusals import UnfitFile, reading

JPEG, PNG, WEBP = "JPEG", "PNG", "WebP"
# Maximum numbers of pixels. A JPEG in one scan can be decoded in a reduced size. All other pictures
# need memory for every pixel.
MAX_IN_ONE_SCAN, MAX_PIXELS = 64_000_000, 24_000_000
# Maximum width and height in pixels, as in JPEG. Pillow needs memory for each row, and 72 bytes for
# each pixel of the width.
LONGEST_SIDE = 65_500
KEPT_PIXELS = (8_000_000, 4_000_000, 2_000_000)  # tried in order until the file is small enough
QUALITY = 85
MAX_SCANS = 32  # limit for a progressive JPEG; each scan is as much work as the whole picture
# Maximum size in bytes of each entry of METADATA. Pillow creates an object for each value. The EXIF
# of a camera is smaller.
MAX_METADATA = 65_536
# Pillow uses these entries to rotate a picture.
METADATA = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
# Maximum number of reads. Pillow reads four times for each segment of a JPEG, and three times for
# each chunk of a PNG.
MAX_READS = {JPEG: 4_000, PNG: 100_000, WEBP: 100}
START_OF_SCAN = b"\xff\xda"
WHOLE_FRAMES = (0xC0, 0xC1)  # baseline and extended JPEG; progressive JPEGs have other markers
# Tables, restart intervals, application data and comments. Some other markers have no length.
OTHER_SEGMENTS = (0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE)

TOO_LARGE = "The picture has too many pixels. Take one of at most 24 megapixels, or a screenshot."
DAMAGED = "The picture is damaged or incomplete. Open it, save it again, and choose the new file."


class WithLittleMetadata(ImageFile):
    """A decoder that ignores metadata of more than MAX_METADATA bytes. The rotation is part of the
    metadata, so a picture with ignored metadata is not rotated.
    """

    def getexif(self) -> Image.Exif:
        for name in METADATA:
            if len(self.info.get(name, "")) > MAX_METADATA:
                del self.info[name]
        return super().getexif()


class _Jpeg(WithLittleMetadata, JpegImageFile):
    pass


class _Png(WithLittleMetadata, PngImageFile):
    pass


class _WebP(WithLittleMetadata, WebPImageFile):
    pass


DECODERS: dict[str, type[WithLittleMetadata]] = {JPEG: _Jpeg, PNG: _Png, WEBP: _WebP}


class CountedReads(io.BytesIO):
    """A file whose content can be read in at most `most` steps. Each later call of `read` raises
    UnfitFile.
    """

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.left = most

    def read(self, size: int | None = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise UnfitFile(DAMAGED)
        return super().read(size)


def format_of(content: bytes) -> str:
    """Returns the format of a picture according to its first bytes, or "" if the format is not
    accepted.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    return WEBP if content.startswith(b"RIFF") and content[8:12] == b"WEBP" else ""


def reencoded(content: bytes, most: int) -> bytes:
    """Returns the picture as a JPEG of at most `most` bytes.

    Raises: UnfitFile if the picture is damaged or too large.
    """
    try:
        with reading():
            picture = _decoded(content)
            found = next((made for made in _encoded(picture) if len(made) <= most), None)
    except UnfitFile:
        raise
    except Exception as error:  # a malicious file can make a decoder raise any type of error
        raise UnfitFile(DAMAGED) from error
    if found is None:
        raise UnfitFile(TOO_LARGE)
    return found


def _decoded(content: bytes) -> Image.Image:
    """Returns the first picture of the file in RGB. The picture is upright, and transparent parts
    are white.
    """
    kind = format_of(content)
    with DECODERS[kind](CountedReads(content, MAX_READS[kind])) as image:
        is_plain = kind == JPEG and is_in_one_scan(content)
        width, height = image.size
        most = MAX_IN_ONE_SCAN if is_plain else MAX_PIXELS
        if width * height > most or max(image.size) > LONGEST_SIDE:
            raise UnfitFile(TOO_LARGE)
        if kind == JPEG and content.count(START_OF_SCAN) > MAX_SCANS:
            raise UnfitFile(DAMAGED)
        image.draft("RGB", _reduced(image.size, KEPT_PIXELS[0]))
        upright: Image.Image = ImageOps.exif_transpose(image)
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        seen = upright.convert("RGBA")
        on_white = Image.new("RGB", seen.size, "white")
        on_white.paste(seen, mask=seen.getchannel("A"))
        return on_white


def is_in_one_scan(content: bytes) -> bool:
    """Returns whether the first scan of a JPEG contains all colours of the picture (ITU-T T.81,
    B.2). Returns False if there is anything unusual before the first scan.

    libjpeg needs more memory for a picture with several scans: it keeps the coefficients until the
    last scan.
    """
    place, colours = 2, 0
    while content[place : place + 1] == b"\xff":
        marker, size = content[place + 1], int.from_bytes(content[place + 2 : place + 4])
        if marker in WHOLE_FRAMES:
            colours = content[place + 9]
        if marker == START_OF_SCAN[1]:
            return content[place + 4] == colours
        if marker not in (*WHOLE_FRAMES, *OTHER_SEGMENTS):
            return False
        place += 2 + size
    return False


def _encoded(picture: Image.Image) -> Iterator[bytes]:
    """Yields the picture as a JPEG in smaller and smaller sizes."""
    for pixels in KEPT_PIXELS:
        size = _reduced(picture.size, pixels)
        resized = picture if size == picture.size else picture.resize(size)
        plain = Image.new("RGB", size)  # a new picture, which has no metadata
        plain.paste(resized)
        made = io.BytesIO()
        plain.save(made, "JPEG", quality=QUALITY, optimize=True)
        yield made.getvalue()


def _reduced(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Returns a width and height with at most `pixels` pixels and the same proportions."""
    width, height = size
    scale = min(1.0, sqrt(pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))
