"""Post-import hooks: act on an upstream module when, and only when, a process imports it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import wrapt


def when_imported(module_name: str, hook: Callable[[ModuleType], None]) -> None:
    """Call ``hook(module)`` once the module is fully imported, at once if it already is."""
    module = sys.modules.get(module_name)
    if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
        hook(module)
    else:
        wrapt.register_post_import_hook(hook, module_name)
