"""The shipped designs, each as a test's argument."""

import pytest

from archtool import load
from archtool.spec.catalog import shipped_files

SHIPPED = [(file, name) for file in shipped_files() for name in load(file).designs or (None,)]


@pytest.fixture(params=SHIPPED, ids=lambda pair: f"{pair[0].stem}-{pair[1]}")
def shipped(request):
    file, name = request.param
    return load(file, name)
