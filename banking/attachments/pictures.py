"""Pictures, decoded and encoded anew as JPEG: of the file only its pixels are kept.

So EXIF, GPS, thumbnails, texts and whatever stands behind the picture are gone. Each format has its
decoder here, so that Pillow tries none of its others.
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
# Pixels. A JPEG in one scan is decoded in a reduced size; all others need memory for each pixel.
MOST_IN_ONE_SCAN, MOST_PIXELS = 64_000_000, 24_000_000
# Of a side, as in JPEG. Pillow needs memory for each row, and 72 bytes for each pixel of a width.
LONGEST_SIDE = 65_500
KEPT_PIXELS = (8_000_000, 4_000_000, 2_000_000)  # the first that fits into the size of a file
QUALITY = 85
MOST_SCANS = 32  # of a progressive JPEG, each of which is as much work as the whole picture
# Bytes of each of METADATA. Pillow makes an object of each value; the EXIF of a camera is smaller.
MOST_METADATA = 65_536
METADATA = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")  # they may turn a picture
# Reads by Pillow: four for each segment of a JPEG, three for each chunk of a PNG.
MOST_READS = {JPEG: 4_000, PNG: 100_000, WEBP: 100}
START_OF_SCAN = b"\xff\xda"
WHOLE_FRAMES = (0xC0, 0xC1)  # baseline and extended; a progressive one has others
# Tables, restart interval, application data and comments. Some other markers have no length.
OTHER_SEGMENTS = (0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE)

TOO_LARGE = "The picture has too many pixels. Take one of at most 24 megapixels, or a screenshot."
DAMAGED = "The picture is damaged or cut off. Open it, save it anew, and choose that file."


class WithLittleMetadata(ImageFile):
    """A decoder that forgets large metadata before it is read, and so does not turn the picture."""

    def getexif(self) -> Image.Exif:
        for name in METADATA:
            if len(self.info.get(name, "")) > MOST_METADATA:
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
    """A file of which a decoder reads only so many parts; then it raises UnfitFile."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self.left = most

    def read(self, size: int | None = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise UnfitFile(DAMAGED)
        return super().read(size)


def format_of(content: bytes) -> str:
    """The format of a picture, by its first bytes; "" if it is none of ours."""
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    return WEBP if content.startswith(b"RIFF") and content[8:12] == b"WEBP" else ""


def encoded_anew(content: bytes, most: int) -> bytes:
    """The picture as a JPEG of at most so many bytes. Raises UnfitFile."""
    try:
        with reading():
            picture = _decoded(content)
            found = next((made for made in _encoded(picture) if len(made) <= most), None)
    except UnfitFile:
        raise
    except Exception as error:  # decoders raise of all kinds on hostile files
        raise UnfitFile(DAMAGED) from error
    if found is None:
        raise UnfitFile(TOO_LARGE)
    return found


def _decoded(content: bytes) -> Image.Image:
    """The first picture of the file, upright, on white, in RGB."""
    kind = format_of(content)
    with DECODERS[kind](CountedReads(content, MOST_READS[kind])) as image:
        is_plain = kind == JPEG and is_in_one_scan(content)
        width, height = image.size
        most = MOST_IN_ONE_SCAN if is_plain else MOST_PIXELS
        if width * height > most or max(image.size) > LONGEST_SIDE:
            raise UnfitFile(TOO_LARGE)
        if kind == JPEG and content.count(START_OF_SCAN) > MOST_SCANS:
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
    """Whether the first scan of a JPEG has all of its colours, and each whole (ITU-T T.81, B.2).
    libjpeg keeps the coefficients of a picture in several scans until the last one. False if there
    is anything unusual before it, which libjpeg may read in another way.
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
    """The picture as JPEG, smaller each time."""
    for pixels in KEPT_PIXELS:
        size = _reduced(picture.size, pixels)
        resized = picture if size == picture.size else picture.resize(size)
        plain = Image.new("RGB", size)  # which has nothing but pixels
        plain.paste(resized)
        made = io.BytesIO()
        plain.save(made, "JPEG", quality=QUALITY, optimize=True)
        yield made.getvalue()


def _reduced(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """The size with at most so many pixels, in the same proportions."""
    width, height = size
    scale = min(1.0, sqrt(pixels / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))
