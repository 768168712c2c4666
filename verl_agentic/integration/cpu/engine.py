"""verl 0.9 registers its FSDP engines for cuda and npu only; FSDP2 runs on a CPU mesh as it is."""

from __future__ import annotations

from types import ModuleType


def register(transformer_impl: ModuleType) -> None:
    """Register verl's FSDP2 engines for the CPU device."""
    from verl.workers.engine.base import EngineRegistry

    engines = {
        "language_model": transformer_impl.FSDPEngineWithLMHead,
        "value_model": transformer_impl.FSDPEngineWithValueHead,
    }
    for model_type, engine in engines.items():
        if "cpu" not in EngineRegistry._engines[model_type].get("fsdp2", {}):
            EngineRegistry.register(model_type=model_type, backend="fsdp2", device="cpu")(engine)
