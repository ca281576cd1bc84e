"""Decodes photos with PIL: pil_pixels.py [RESIZE:CROP] OUT PHOTO... writes width and height as two little-endian 32-bit numbers and the RGB
pixels of each photo. With RESIZE:CROP each is preprocessed as torchvision does for evaluation."""

import struct
import sys

from PIL import Image


def prepared(photo, resize, crop):
    width, height = photo.size
    short, long = min(width, height), max(width, height)
    longer = int(resize * long / short)
    photo = photo.resize((resize, longer) if width <= height else (longer, resize), Image.Resampling.BICUBIC)
    left, top = (int(round((side - crop) / 2.0)) for side in photo.size)
    return photo.crop((left, top, left + crop, top + crop))


sizes = [int(number) for number in sys.argv.pop(1).split(":")] if ":" in sys.argv[1] else None
with open(sys.argv[1], "wb") as out:
    for path in sys.argv[2:]:
        photo = Image.open(path).convert("RGB")
        if sizes:
            photo = prepared(photo, *sizes)
        out.write(struct.pack("<II", *photo.size) + photo.tobytes())
