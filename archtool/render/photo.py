"""A photo as the canvas of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archtool.errors import missing_extra
from archtool.render.picture import PictureError

if TYPE_CHECKING:
    import numpy as np


def photo(path: Path, height: int, width: int) -> np.ndarray[Any, Any]:
    """The pixels of a picture file scaled to a size: (height, width, 3), from 0 to 1.

    Raises PictureError for a file that is not there or holds no picture, MissingExtra without Pillow.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise missing_extra("a photo", "Pillow", "plot", error) from None
    import warnings

    import numpy as np

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                scaled = picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureError(f"{path}: too large a picture (most: {Image.MAX_IMAGE_PIXELS:,} pixels)") from None
    except UnidentifiedImageError:
        raise PictureError(f"{path}: no picture that can be read") from None
    except OSError as error:
        raise PictureError(f"{path}: {error.strerror or error}") from None
    except (SyntaxError, ValueError) as error:  # how Pillow tells of some broken files
        raise PictureError(f"{path}: no picture that can be read ({error})") from None
    return np.asarray(scaled, dtype=float) / 255
