"""verl 0.9 sends weights to rollout engines in processes of their own by NCCL, NIXL and the like, all of which need
an accelerator; between processors gloo does it. ``actor_rollout_ref.rollout.checkpoint_engine.backend=gloo`` picks it.
"""

from __future__ import annotations

import asyncio
import datetime
import pickle
from collections.abc import AsyncGenerator, Generator
from types import ModuleType
from typing import Any

import torch
import torch.distributed

BACKEND = "gloo"
# torch exports what it needs here only when it is built with it.
_distributed: Any = torch.distributed
_TIMEOUT = datetime.timedelta(minutes=10)
_END = torch.tensor([0])

Weights = Generator[tuple[str, torch.Tensor], None, None]


def register(checkpoint_engine: ModuleType) -> None:
    """Register the backend with verl, unless it has one of that name."""
    if BACKEND in checkpoint_engine.CheckpointEngineRegistry._registry:
        return
    from verl.checkpoint_engine.base import CheckpointEngine, merge_weight_chunks, split_weight_chunks

    class GlooCheckpointEngine(CheckpointEngine):  # type: ignore[misc]
        """Rank 0 of the actors broadcasts each weight to all rollout workers, over a group made for one sync.

        Args:
            bucket_size: longest message in bytes; a larger weight goes in several.
            is_master: whether this is rank 0 of the actors.
        """

        def __init__(self, bucket_size: int, is_master: bool = False) -> None:
            self._bucket_size = bucket_size
            self._is_master = is_master
            self._store: Any = None
            self._group: Any = None

        def prepare(self) -> tuple[str, int] | None:
            """Where the group is to meet."""
            if not self._is_master:
                return None
            import ray

            host = ray.util.get_node_ip_address().strip("[]")
            self._store = _distributed.TCPStore(host, 0, is_master=True, wait_for_workers=False, timeout=_TIMEOUT)
            return host, self._store.port

        @classmethod
        def build_topology(
            cls, actor_wg_world_size: int, rollout_world_size: int, metadata: list[Any]
        ) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
            """Actor 0 and all rollout workers; the other actors stay outside."""
            size = 1 + rollout_world_size

            def arguments(ranks: list[int]) -> dict[str, list[Any]]:
                return {"rank": ranks, "world_size": [size] * len(ranks), "address": [metadata[0]] * len(ranks)}

            return arguments([0] + [-1] * (actor_wg_world_size - 1)), arguments(list(range(1, size)))

        def init_process_group(self, rank: int, world_size: int, address: tuple[str, int]) -> None:
            """Join the group; a negative rank stays outside."""
            if rank < 0:
                return
            if not self._is_master:
                self._store = _distributed.TCPStore(*address, is_master=False, wait_for_workers=False, timeout=_TIMEOUT)
            self._group = _distributed.ProcessGroupGloo(self._store, rank, world_size, _TIMEOUT)

        def finalize(self) -> None:
            """Leave the group."""
            self._group = self._store = None

        async def send_weights(self, weights: Weights, global_steps: int | None = None) -> None:
            """Broadcast the weights."""
            async for meta, chunk in split_weight_chunks(weights, self._bucket_size):
                # Making a weight is collective over the actors, those outside the group included.
                if self._group is None:
                    continue
                header = torch.frombuffer(bytearray(pickle.dumps(meta)), dtype=torch.uint8)
                for tensor in (torch.tensor([len(header)]), header, chunk.detach().cpu()):
                    await self._broadcast(tensor)
            if self._group is not None:
                await self._broadcast(_END.clone())

        async def receive_weights(self, global_steps: int | None = None) -> AsyncGenerator[tuple[str, Any], None]:
            """The weights, as they come in."""
            async for named in merge_weight_chunks(self._chunks(), self._bucket_size):
                yield named

        async def _chunks(self) -> AsyncGenerator[tuple[Any, torch.Tensor], None]:
            while length := int(await self._broadcast(torch.tensor([0]))):
                header = await self._broadcast(torch.empty(length, dtype=torch.uint8))
                meta = pickle.loads(header.numpy().tobytes())
                yield meta, await self._broadcast(torch.empty(meta.chunk_size, dtype=torch.uint8))

        async def _broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
            await asyncio.to_thread(self._group.broadcast([tensor], _from_first()).wait)
            return tensor

    checkpoint_engine.CheckpointEngineRegistry.register(BACKEND)(GlooCheckpointEngine)


def _from_first() -> Any:
    options = _distributed.BroadcastOptions()
    options.rootRank = 0
    options.rootTensor = 0
    return options
