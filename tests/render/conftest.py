"""The shipped designs, each as a test's argument."""

import pytest

from archtool.analysis.catalog import shipped_designs

# Designs of one file differ in widths and depths: the first of each is drawn.
FIRST = dict(reversed(shipped_designs()))


@pytest.fixture(params=FIRST.values(), ids=FIRST)
def shipped(request):
    return request.param
