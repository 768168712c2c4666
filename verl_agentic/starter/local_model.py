"""A policy in a Hugging Face folder, played in this process: on a CPU, or on the first GPU."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verl_agentic.core import InfrastructureError, Message, UserInputError
from verl_agentic.core.chat import ChatUsage, ContextFullError
from verl_agentic.core.untrusted.control_tokens import ControlTokens
from verl_agentic.evaluation.model import ModelMessage, Speaker
from verl_agentic.starter.generate import ROWS, Sampling, sample

if TYPE_CHECKING:
    from torch import Generator

_SEEDS = 2**63


@dataclass(slots=True)
class _Asked:
    """A message that is waited for."""

    prompt: list[int]
    room: int
    generator: Generator
    future: asyncio.Future[tuple[list[int], float]]


class LocalModel:
    """Implements :class:`verl_agentic.evaluation.model.ServedModel`; messages that are waited for are sampled together.

    What a dialogue samples follows from its seed, whatever else is sampled beside it, up to the rounding of the
    arithmetic in batches of other sizes. A message is had when its batch is done, so what a batch takes is each
    message's latency; that of a deployment is measured at its server.

    Attributes:
        name: the folder.
        priced: never.
        longest: tokens that the model can attend to.
        temperature: of sampling; 0 takes the likeliest token.

    Raises:
        UserInputError: torch or transformers are missing, or the folder does not hold a chat model.
    """

    priced = False

    def __init__(self, folder: Path, temperature: float = 1.0) -> None:
        self.name = str(folder)
        self.temperature = temperature
        self._tokenizer, self._model = _load(folder)
        config = self._model.config
        self.longest = int(getattr(config, "max_position_embeddings", None) or 1 << 20)
        self._stops = _stop_ids(self._tokenizer, self._model)
        pad = self._tokenizer.pad_token_id
        self._pad = next(iter(self._stops)) if pad is None else int(pad)
        self._control = ControlTokens(self._tokenizer.get_added_vocab())
        self._thread = ThreadPoolExecutor(1, "verl-agentic-model")
        self._waiting: list[_Asked] = []
        self._serving: asyncio.Task[None] | None = None

    def speaker(self, tools: Sequence[Mapping[str, Any]], seed: int) -> Speaker:
        """Its side of a new dialogue."""
        return _Speaker(self, list(tools), seed)

    def tokens(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], said: int) -> list[int]:
        """Tokens of a dialogue up to where the next message begins.

        Args:
            messages: everything said so far.
            tools: schemas of its tools.
            said: number of messages that are the task's own; in later ones control tokens are broken up, unless the
                model wrote them itself.
        """
        plain = [
            {
                "role": one["role"],
                "content": one["content"]
                if place < said or one["role"] == "assistant"
                else self._control.broken_up(one["content"]),
            }
            for place, one in enumerate(messages)
        ]
        try:
            text = self._tokenizer.apply_chat_template(
                plain, tools=list(tools) or None, add_generation_prompt=True, tokenize=False
            )
        except Exception as error:
            raise InfrastructureError(f"{self.name}: its chat template failed: {error}") from error
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False, verbose=False)
        return ids

    def text(self, ids: Sequence[int]) -> tuple[str, bool]:
        """The text of a sampled message, and whether it ended by itself."""
        ended = bool(ids) and ids[-1] in self._stops
        return str(self._tokenizer.decode(ids[:-1] if ended else ids, skip_special_tokens=True)), ended

    def generator(self, seed: int) -> Generator:
        """The randomness of one message."""
        import torch

        return torch.Generator().manual_seed(seed % _SEEDS)

    async def sampled(self, prompt: list[int], room: int, generator: Generator) -> tuple[list[int], float]:
        """Tokens of the next message, and the seconds that its batch took.

        Raises:
            ContextFullError: there is no room left in the model's context.
            InfrastructureError: the model failed.
        """
        if len(prompt) >= self.longest:
            raise ContextFullError(f"{self.name}: {len(prompt)} tokens, its context has {self.longest}")
        asked = _Asked(prompt, room, generator, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._serving is None or self._serving.done():
            self._serving = asyncio.get_running_loop().create_task(self._serve())
        return await asked.future

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            # One turn of the event loop, in which dialogues that were answered together ask together.
            await asyncio.sleep(0)
            batch = [asked for asked in self._waiting[:ROWS] if not asked.future.done()]
            del self._waiting[:ROWS]
            started = time.perf_counter()
            try:
                rows = await loop.run_in_executor(self._thread, self._sample, batch)
            except Exception as error:
                failure = f"{self.name}: {type(error).__name__}: {error}"
                for asked in batch:
                    if not asked.future.done():
                        asked.future.set_exception(InfrastructureError(failure))
                continue
            seconds = time.perf_counter() - started
            for asked, ids in zip(batch, rows, strict=True):
                if not asked.future.done():
                    asked.future.set_result((ids[: asked.room], seconds))

    def _sample(self, batch: Sequence[_Asked]) -> list[list[int]]:
        if not batch:
            return []
        sampling = Sampling(
            max(asked.room for asked in batch), self.longest, self._stops, self._pad, self.temperature
        )  # fmt: skip
        return sample(self._model, [asked.prompt for asked in batch], sampling, [asked.generator for asked in batch])


class _Speaker:
    def __init__(self, model: LocalModel, tools: list[Mapping[str, Any]], seed: int) -> None:
        self._model = model
        self._tools = tools
        self._seed = seed
        self._prompt_length = 0

    async def say(self, messages: Sequence[Message], room: int) -> ModelMessage:
        self._prompt_length = self._prompt_length or len(messages)
        prompt = self._model.tokens(messages, self._tools, self._prompt_length)
        generator = self._model.generator(self._seed * 1024 + len(messages))
        ids, seconds = await self._model.sampled(prompt, room, generator)
        text, ended = self._model.text(ids)
        return ModelMessage(
            text, ChatUsage(prompt_tokens=len(prompt), completion_tokens=len(ids)), seconds, cut=not ended
        )


def _load(folder: Path) -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as error:
        raise UserInputError(
            f"--model {folder}: a folder needs {error.name}; pip install 'verl-agentic[cpu]'"
        ) from error
    on_gpu = torch.cuda.is_available()
    dtype: Any = "auto" if on_gpu else torch.float32  # half precision is slow on most CPUs
    try:
        tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserInputError(f"--model {folder}: is no model that transformers loads: {first[:300]}") from error
    if not tokenizer.chat_template:
        raise UserInputError(f"--model {folder}: its tokenizer has no chat template; add chat_template.jinja to it")
    return tokenizer, model.to("cuda" if on_gpu else "cpu").eval()


def _stop_ids(tokenizer: Any, model: Any) -> frozenset[int]:
    found = getattr(model.generation_config, "eos_token_id", None)
    ids = {tokenizer.eos_token_id, *(found if isinstance(found, list) else [found])}
    if "<|im_end|>" in tokenizer.get_vocab():
        ids.add(tokenizer.convert_tokens_to_ids("<|im_end|>"))
    return frozenset(int(one) for one in ids if one is not None) or frozenset({-1})
