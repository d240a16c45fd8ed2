"""Opening a model shows nothing from Python, and leaves the libraries' bars as they were."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from diffusers.utils import logging as of_diffusers
from transformers.utils import logging as of_transformers

from index.diffusion import load_family
from index.loading import is_shown, quiet_loading

LIBRARIES = (of_diffusers, of_transformers)


def test_a_model_is_opened_in_silence(
    stable_diffusion_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    load_family(str(stable_diffusion_folder))
    assert capfd.readouterr() == ("", "")
    assert all(library.is_progress_bar_enabled() for library in LIBRARIES)


def test_what_a_program_chose_is_restored() -> None:
    @quiet_loading()
    def fail() -> None:
        assert not any(library.is_progress_bar_enabled() for library in LIBRARIES)
        raise ValueError("in the middle")

    of_diffusers.disable_progress_bar()
    try:
        with pytest.raises(ValueError, match="in the middle"):
            fail()
        assert [library.is_progress_bar_enabled() for library in LIBRARIES] == [False, True]
    finally:
        of_diffusers.enable_progress_bar()


def test_a_command_on_a_terminal_shows_bars(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert not is_shown()
    caplog.set_level(logging.INFO, "genie")
    assert is_shown()
    with quiet_loading():
        assert all(library.is_progress_bar_enabled() for library in LIBRARIES)
