"""What Pillow and torchvision make of drawn pictures: prints pictures.json.

    pip install pillow numpy torch torchvision
    python pictures.py > pictures.json

The pictures are drawn by a formula that the test draws again. Of what comes out there are the size, a CRC-32 of the
bytes (row by row, a pixel's values side by side) and the first few of them. Encoded pictures are kept whole, small, with what
Pillow decodes them to.
"""

import io
import json
import zlib

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image, features
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as F

torch.manual_seed(0)


def drawn(height, width):
    """Edges, slopes and something like noise."""
    y, x, c = np.ogrid[:height, :width, :3]
    return ((x * x * (c + 3) // 5 + y * (7 - c) + (x * y) // (c + 2)) % 256).astype(np.uint8)


def facts(picture):
    rgb = np.asarray(picture.convert("RGB"))
    return {
        "size": [rgb.shape[0], rgb.shape[1]],
        "crc": zlib.crc32(rgb.tobytes()),
        "first": rgb.reshape(-1)[:12].tolist(),
    }


def resized_crops():
    for height, width in [(97, 131), (300, 41), (56, 75)]:
        picture = Image.fromarray(drawn(height, width))
        for top, left, rows, columns in [(0, 0, height, width), (5, 9, 50, 32), (height - 1, width - 1, 1, 1)]:
            for side in [64, 224, 7]:
                out = F.resized_crop(picture, top, left, rows, columns, [side, side], InterpolationMode.BILINEAR)
                yield {"of": [height, width], "corner": [top, left], "part": [rows, columns], "side": side, **facts(out)}


def tested():
    """Resize and CenterCrop: truncation and rounding of sizes."""
    for height, width in [(97, 131), (131, 97), (300, 41), (73, 73), (75, 56), (64, 333)]:
        for shorter, side in [(73, 64), (37, 32), (256, 224)]:
            out = F.center_crop(F.resize(Image.fromarray(drawn(height, width)), shorter), side)
            yield {"of": [height, width], "shorter": shorter, "side": side, **facts(out)}


def fallbacks():
    """What RandomResizedCrop takes where none of ten parts fits: all are asked to be larger than the picture."""
    for height, width in [(10, 1000), (1000, 9), (331, 250), (7, 7), (100, 133), (100, 134)]:
        picture = torch.zeros(3, height, width)
        part = RandomResizedCrop.get_params(picture, scale=[400.0, 400.0], ratio=[3 / 4, 4 / 3])
        yield {"of": [height, width], "corner": list(part[:2]), "part": list(part[2:])}


def encoded():
    picture = Image.fromarray(drawn(37, 53))

    def jpeg(name, image, patch=lambda data: data, **options):
        out = io.BytesIO()
        image.save(out, "JPEG", **options)
        data = patch(out.getvalue())
        decoded = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        return {"name": name, "data": data.hex(), "rgb": decoded.tobytes().hex(), "size": list(decoded.shape[:2])}

    def adobe(transform):
        """The colour transform that Adobe's marker names, replaced."""

        def patch(data):
            at = data.index(b"Adobe") + 11
            return data[:at] + bytes([transform]) + data[at + 1 :]

        return patch

    exif = Image.Exif()
    exif[0x0112] = 6
    small = picture.resize((20, 14))
    yield jpeg("grey", picture.convert("L"), quality=60)
    yield jpeg("4:4:4", small, quality=60, subsampling=0)
    yield jpeg("4:2:2", picture, quality=60, subsampling=1)
    yield jpeg("4:2:0", picture, quality=60, subsampling=2)
    yield jpeg("progressive", small, quality=60, progressive=True)
    yield jpeg("restart markers", picture, quality=50, restart_marker_blocks=2)
    yield jpeg("cmyk", small.convert("CMYK"), quality=60)
    yield jpeg("ycck", small.convert("CMYK"), adobe(2), quality=60)
    yield jpeg("orientation", small, quality=50, exif=exif)
    yield jpeg("damaged exif", small, lambda data: data.replace(b"MM\0*\0\0\0\x08", b"MM\0*\xff\xff\xff\xff"), quality=50, exif=exif)
    yield jpeg("damaged profile", small, quality=50, icc_profile=b"no profile")
    out = io.BytesIO()
    small.save(out, "PNG")
    yield {"name": "png", "data": out.getvalue().hex(), "rgb": np.asarray(small).tobytes().hex(), "size": [14, 20]}


by = f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, torchvision {torchvision.__version__}"
parts = {"resized_crops": resized_crops(), "tested": tested(), "fallbacks": fallbacks(), "encoded": encoded()}
# A line for each picture.
lists = [f"{json.dumps(name)}: [\n" + ",\n".join(map(json.dumps, part)) + "\n]" for name, part in parts.items()]
print("{" + ",\n".join([f'"by": {json.dumps(by)}', *lists]) + "}")
