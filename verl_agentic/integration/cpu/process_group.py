"""torch refuses the backend string ``cpu:gloo,cpu:gloo`` that verl 0.9 builds on a CPU; plain ``gloo`` is meant."""

from __future__ import annotations

from typing import Any

import torch.distributed
import wrapt

REFUSED = "cpu:gloo,cpu:gloo"


def install() -> None:
    """Normalise the backend in ``torch.distributed.init_process_group``."""

    @wrapt.decorator
    def normalise(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("backend") == REFUSED:
            kwargs = {**kwargs, "backend": "gloo"}
        elif args and args[0] == REFUSED:
            args = ("gloo", *args[1:])
        return wrapped(*args, **kwargs)

    torch.distributed.init_process_group = normalise(torch.distributed.init_process_group)
