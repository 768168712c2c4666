"""Whether a policy and its tasks fit, by the headers of a model's files and a real tokenizer."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psutil")
from omegaconf import OmegaConf

from verl_agentic.core import Task, UserInputError
from verl_agentic.integration.capacity import (
    ModelShape,
    check_bucket,
    check_context,
    check_memory,
    check_prompts,
    needed_memory,
    read_shape,
    some_tasks,
)
from verl_agentic.store import Store
from verl_agentic.training.settings import AgenticSettings

GIB = 2**30
SMOLLM2 = ModelShape(134_515_008, "model.embed_tokens.weight", 49152 * 576, 49152, 8192)
QWEN3 = ModelShape(596_049_920, "model.embed_tokens.weight", 151_936 * 1024, 151_936, 40_960)


def config(bucket: int = 640, prompt: int = 2048, response: int = 1024, micro: int = 1, cache: str = "2") -> Any:
    """The keys that are looked at, with the sizes of profile=cpu-lm."""
    return OmegaConf.create(
        {
            "agentic": {"profile": "cpu-lm"},
            "data": {"max_prompt_length": prompt, "max_response_length": response, "apply_chat_template_kwargs": {}},
            "actor_rollout_ref": {
                "model": {"tokenizer_path": None, "trust_remote_code": False, "override_config": {}},
                "actor": {"ppo_micro_batch_size_per_gpu": micro, "ppo_mini_batch_size": 4},
                "rollout": {
                    "max_model_len": prompt + response,
                    "checkpoint_engine": {"backend": "naive", "update_weights_bucket_megabytes": bucket},
                },
            },
            "ray_kwargs": {"ray_init": {"runtime_env": {"env_vars": {"VLLM_CPU_KVCACHE_SPACE": cache}}}},
        }
    )


def write_model(folder: Path, files: dict[str, dict[str, list[int]]], **more: Any) -> None:
    """A model's folder with safetensors files that hold headers only."""
    (folder / "config.json").write_text(json.dumps({"vocab_size": 10, "max_position_embeddings": 64, **more}))
    for name, weights in files.items():
        entries = {key: {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]} for key, shape in weights.items()}
        header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
        (folder / name).write_bytes(struct.pack("<Q", len(header)) + header)


def test_a_model_is_measured_by_its_headers(tmp_path: Path) -> None:
    write_model(
        tmp_path, {"model-1.safetensors": {"embed": [10, 4], "norm": [4]}, "model-2.safetensors": {"up": [4, 3]}}
    )
    assert read_shape(tmp_path) == ModelShape(56, "embed", 40, 10, 64)
    write_model(tmp_path, {}, rope_scaling={"type": "yarn", "factor": 4.0})
    assert read_shape(tmp_path) == ModelShape(56, "embed", 40, 10, None)


@pytest.mark.parametrize("broken", ["no weights", "no header", "no configuration"])
def test_what_cannot_be_measured_is_left_to_verl(tmp_path: Path, broken: str) -> None:
    if broken != "no configuration":
        write_model(tmp_path, {})
    if broken == "no header":
        (tmp_path / "model.safetensors").write_bytes(b"short")
    assert read_shape(tmp_path) is None


def test_the_largest_weight_must_fit_the_bucket() -> None:
    check_bucket(config(), SMOLLM2)
    check_bucket(config(), QWEN3)
    check_bucket(config(bucket=108), SMOLLM2)
    with pytest.raises(
        UserInputError,
        match=r"update_weights_bucket_megabytes \(64\) must be at least 108: the weight model\.embed_tokens\.weight",
    ):
        check_bucket(config(bucket=64), SMOLLM2)
    with pytest.raises(UserInputError, match=r"\(593\) must be at least 594"):
        check_bucket(config(bucket=593), QWEN3)


def test_sequences_must_fit_the_models_context() -> None:
    check_context(config(), SMOLLM2)
    check_context(config(), ModelShape(1, "w", 1, 10, None))
    with pytest.raises(
        UserInputError, match=r"max_model_len \(9216\) is more than the 8192 tokens .*max_prompt_length"
    ):
        check_context(config(prompt=8192), SMOLLM2)
    longer = config(prompt=8192)
    longer.actor_rollout_ref.model.override_config.max_position_embeddings = 16384
    check_context(longer, SMOLLM2)


def test_a_run_must_fit_the_memory() -> None:
    check_memory(config(), SMOLLM2, 24 * GIB)
    with pytest.raises(UserInputError, match=r"134M|135M") as caught:
        check_memory(config(), SMOLLM2, 8 * GIB)
    said = str(caught.value)
    assert "this machine has 8.0; lower actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu (1)" in said
    assert f"takes about {needed_memory(config(), SMOLLM2) / GIB:.1f} GiB" in said and "\n" not in said
    larger = [config(micro=4), config(prompt=4096), config(response=4096), config(cache="6")]
    assert all(needed_memory(one, SMOLLM2) > needed_memory(config(), SMOLLM2) for one in larger)
    assert needed_memory(config(), SMOLLM2) < 16 * GIB < needed_memory(config(), QWEN3) < 32 * GIB


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer that makes a token of each word."""
    tokenizers, transformers = pytest.importorskip("tokenizers"), pytest.importorskip("transformers")
    path = tmp_path_factory.mktemp("tokenizer")
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0, "one": 1}, unk_token="<unk>"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=model,
        unk_token="<unk>",
        eos_token="<unk>",
        chat_template="{% for message in messages %}{{ message.content }} {% endfor %}",
    ).save_pretrained(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lengths", "lines"),
    [
        ([8] * 20, []),
        ([8] * 19 + [11], ["data.max_prompt_length is 10: 1 of 20 prompts have more tokens, up to 11; their tasks"]),
        ([8] * 17 + [11, 12, 13], None),
    ],
)
def test_prompts_must_fit_their_room(folder: Path, lengths: list[int], lines: list[str] | None) -> None:
    tasks = [
        Task("math", [{"role": "user", "content": " ".join(["one"] * length)}], [], "none", {}, "math", "1")
        for length in lengths
    ]
    composed = config(prompt=10, response=5)
    if lines is None:
        with pytest.raises(UserInputError) as caught:
            check_prompts(composed, AgenticSettings(), folder, tasks)
        assert str(caught.value).startswith("data.max_prompt_length (10): 3 of 20 prompts have more tokens, up to 13; ")
        assert "data.max_prompt_length=13 and actor_rollout_ref.rollout.max_model_len=18" in str(caught.value)
    else:
        found = check_prompts(composed, AgenticSettings(), folder, tasks)
        assert [one.startswith(other) for one, other in zip(found, lines, strict=True)] == [True] * len(lines)


@pytest.mark.slow
def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(UserInputError, match=r"^actor_rollout_ref\.model\.path=.*: its tokenizer cannot make a prompt"):
        check_prompts(config(), AgenticSettings(), tmp_path, [])


def test_tasks_of_every_split_are_measured(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/store.db") as store:
        for split, number in (("train", 200), ("held_out", 3)):
            store.add_tasks(
                [
                    Task("math", [{"role": "user", "content": f"{split} {one}"}], [], "none", {}, "math", "1")
                    for one in range(number)
                ],
                split=split,
            )
        measured = [task.messages[0]["content"].split()[0] for task in some_tasks(store)]
    assert measured.count("held_out") == 3 and 40 <= measured.count("train") <= 64
