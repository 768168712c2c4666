"""What determines a starter policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from verl_agentic.core import UserInputError


@dataclass(frozen=True, slots=True)
class StarterSettings:
    """Settings of one starter policy; equal settings and sources give the same cached folder.

    Attributes:
        families: task families by name (``math``, ``sql``, ``service``) or ``package.module:Class``.
        seed: seed of tasks, weights, data order and sampling.
        demonstrations: expert dialogues to train on, over all families.
        emphasis: kinds that are demonstrated twice as often; copying numbers digit by digit takes longest to learn.
        max_depth: deepest train structure that is demonstrated and probed.
        careless: share of the demonstrations deeper than a kind's shallowest ones that its careless expert gives, where
            the family has one. A policy that is careless in long tasks alone is what RL mends there and nowhere else.
        vocab_size: upper bound of the tokenizer's vocabulary, special tokens and 256 bytes included.
        hidden_size: width of the residual stream.
        layers: number of decoder layers.
        heads: number of query heads; ``hidden_size`` is divided among them.
        kv_heads: number of key/value heads.
        intermediate_size: width of the feed-forward layers.
        max_tokens: longest dialogue in tokens; longer demonstrations are left out and longer rollouts cut.
        batch_size: dialogues per optimizer step.
        lr: peak learning rate of AdamW, which trains embeddings and norms.
        matrix_lr: peak learning rate of Muon, which trains the layers' matrices.
        warmup_steps: steps of linear warm-up, before the cosine decay to a tenth of the peak.
        easy_steps: first steps that see the shallowest demonstrations of each kind alone. To copy a number digit by
            digit and to wait for a tool's reply are learned there in fewer tokens, and all else builds on them.
        max_steps: optimizer steps after which training stops in any case.
        weight_decay: decoupled weight decay.
        label_smoothing: probability that fine-tuning spreads evenly over the vocabulary at each learned token. A policy
            that is sure of everything tries nothing else, and leaves RL groups without variance.
        init_std: standard deviation of initial weights.
        target: mean probe success over kinds at which training stops: the policy still fails often.
        probe_every: optimizer steps between two probes, which take as long as some 20 steps each.
        probe_tasks: probe tasks per kind, of train structures.
        max_new_tokens: longest assistant message of a probe, in tokens.
        temperature: sampling temperature of a probe.
        threads: threads of the network's arithmetic; 0 for one per core.
    """

    families: tuple[str, ...] = ("math", "sql", "service")
    seed: int = 0
    demonstrations: int = 4000
    emphasis: tuple[str, ...] = ("math", "service")
    max_depth: int = 3
    careless: float = 0.0
    vocab_size: int = 1024
    hidden_size: int = 128
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    intermediate_size: int = 384
    max_tokens: int = 1024
    batch_size: int = 32
    lr: float = 3e-3
    matrix_lr: float = 0.02
    warmup_steps: int = 20
    easy_steps: int = 150
    max_steps: int = 700
    weight_decay: float = 0.01
    label_smoothing: float = 0.02
    init_std: float = 0.05
    target: float = 0.5
    probe_every: int = 100
    probe_tasks: int = 32
    max_new_tokens: int = 48
    temperature: float = 1.0
    threads: int = 0

    @classmethod
    def for_run(cls, seed: int, kinds: Iterable[str]) -> StarterSettings:
        """The starter of a run: shown the usual families, and trees where the run has them.

        A family that it was never shown it hardly ever solves, which leaves RL nothing to begin with.
        """
        usual = cls(seed=seed)
        return replace(usual, families=(*usual.families, "tree")) if "tree" in set(kinds) else usual

    def __post_init__(self) -> None:
        if not self.families:
            raise UserInputError("starter 'families' is empty; name at least one, e.g. 'math'")
        if not 0.0 < self.target <= 1.0:
            raise UserInputError(f"starter 'target' must be in (0, 1], got {self.target}")
        if not 0.0 <= self.careless <= 1.0:
            raise UserInputError(f"starter 'careless' must be in [0, 1], got {self.careless}")
        if self.vocab_size < 300:
            raise UserInputError(
                f"starter 'vocab_size' must be at least 300 (256 bytes + special), got {self.vocab_size}"
            )
        if self.hidden_size % self.heads or self.heads % self.kv_heads:
            raise UserInputError("starter 'hidden_size' must divide by 'heads', and 'heads' by 'kv_heads'")
        if not 64 <= self.max_tokens <= 2048:
            raise UserInputError(f"starter 'max_tokens' must be in [64, 2048], got {self.max_tokens}")
        if self.temperature <= 0.0:
            raise UserInputError(f"starter 'temperature' must be above 0, got {self.temperature}")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise UserInputError(f"starter 'label_smoothing' must be in [0, 1), got {self.label_smoothing}")
        if self.threads < 0:
            raise UserInputError(f"starter 'threads' must be 0 (one per core) or more, got {self.threads}")
        if self.easy_steps < 0:
            raise UserInputError(f"starter 'easy_steps' must be 0 or more, got {self.easy_steps}")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise UserInputError(f"starter {name!r} must be above 0, got {getattr(self, name)}")


_POSITIVE = (
    "lr",
    "matrix_lr",
    "init_std",
    "demonstrations",
    "layers",
    "intermediate_size",
    "batch_size",
    "warmup_steps",
    "max_steps",
    "probe_every",
    "probe_tasks",
    "max_new_tokens",
)
