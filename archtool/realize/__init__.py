"""The torch realization of a network: built, run, and held against what archtool predicts.

This package, `archtool.modules` and the layers' own `torch` methods are all that imports torch.
"""

from archtool.errors import MissingExtra

try:
    import torch as torch
except ImportError as error:
    raise MissingExtra(f"this needs torch ({error}): pip install 'archtool[torch]'") from None
