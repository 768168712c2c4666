"""Install the CPU pieces in this process."""

from __future__ import annotations

from verl_agentic.integration.import_hooks import when_imported

_installed = False


def install_cpu_platform() -> None:
    """Register verl's CPU platform and prepare the hooks that need it; idempotent and cheap."""
    global _installed  # noqa: PLW0603 - one switch a process, as verl's own platform singleton
    if _installed:
        return
    _installed = True
    from verl_agentic.integration.cpu import (
        engine,
        platform,
        process_group,
        vllm_metadata,
        vllm_weights,
        weight_broadcast,
    )

    platform.register()
    process_group.install()
    vllm_metadata.install()
    when_imported("verl.checkpoint_engine", weight_broadcast.register)
    when_imported("verl.workers.engine.fsdp.transformer_impl", engine.register)
    when_imported("verl.workers.rollout.vllm_rollout.bucketed_weight_transfer", vllm_weights.clone_received_tensors)
    when_imported("vllm.model_executor.layers.utils", vllm_weights.keep_plain_weights)
