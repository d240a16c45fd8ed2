from __future__ import annotations

from collections.abc import Callable

import pytest

from index.convert import main

Refused = Callable[[list[str]], str]


@pytest.fixture
def refused(caplog: pytest.LogCaptureFixture) -> Refused:
    """Run a command that must end with exit status 2, and return what it says."""

    def run(arguments: list[str]) -> str:
        with pytest.raises(SystemExit) as raised:
            main(arguments)
        assert raised.value.code == 2
        return caplog.records[-1].getMessage()

    return run
