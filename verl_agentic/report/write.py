"""Write the report next to the run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from verl_agentic.core import UserInputError
from verl_agentic.report.page import render_html

REPORT_JSON = "report.json"
REPORT_HTML = "report.html"


def write_report(report: Mapping[str, Any], folder: Path | str) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.html`` into ``folder``; return their paths.

    Raises:
        UserInputError: the folder cannot be written to.
    """
    data, page = Path(folder) / REPORT_JSON, Path(folder) / REPORT_HTML
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        _write(data, json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        _write(page, render_html(report))
    except OSError as error:
        raise UserInputError(f"report cannot be written to {folder}: {error.strerror or error}") from error
    return data, page


def _write(path: Path, text: str) -> None:
    # A reader never sees half a file. Model text may hold lone surrogates, which no encoding has.
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(text.encode("utf-8", errors="replace"))
    os.replace(partial, path)
