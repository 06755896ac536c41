"""One house for all tests of a file: what they do stays done, so each makes lots of its own."""

from collections.abc import Iterator

import pytest
from tests.web.house import House, house


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made
