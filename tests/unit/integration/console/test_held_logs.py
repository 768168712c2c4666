"""verl's log records wait until it is known where they belong."""

from __future__ import annotations

import logging

import pytest

from verl_agentic.integration.console import held_logs


def test_records_reach_the_handlers_that_are_there_later(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("verl.plugin.platform")
    held_logs.hold()
    logger.warning("no accelerator")
    assert caplog.messages == []
    held_logs.release()
    held_logs.release()
    logger.warning("later")
    assert caplog.messages == ["no accelerator", "later"]
