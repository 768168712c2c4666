"""Options of environments: checked by name before anything starts, and handed to the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.tool_envs import Environment, User, make_environment, register_environment
from verl_agentic.tool_envs.registry import check_options
from verl_agentic.training.settings import read_settings

KEY = "agentic.rollout.env_options"


@register_environment("test_room")
class Room(Environment):
    def __init__(self, user: User | None = None, *, size: int = 1, name: str | None = None) -> None:
        super().__init__(user)
        if size + 0 < 1:
            raise UserInputError(f"{KEY}.test_room.size must be at least 1, got {size}")
        self.size, self.name = size, name

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        return ""


@register_environment("test_anything")
class Anything(Room):
    def __init__(self, user: User | None = None, **options: Any) -> None:
        super().__init__(user)
        self.options = options


def test_options_reach_the_session_that_goes_by_the_name() -> None:
    options = {"test_room": {"size": 3}, "test_anything": {"a": 1}}
    room, anything = (make_environment(name, None, options) for name in options)
    assert isinstance(room, Room) and (room.size, room.name) == (3, None)
    assert isinstance(anything, Anything) and anything.options == {"a": 1}
    plain = make_environment("calculator", None, options)
    assert not plain.parallel_safe


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"test_room": {"seize": 1}}, rf"{KEY}\.test_room\.seize: .* has no such option; its options are size, name"),
        ({"calculator": {"digits": 1}}, rf"{KEY}\.calculator\.digits: .* it has no options"),
        ({"test_room": {"size": 0}}, rf"{KEY}\.test_room\.size must be at least 1"),
        ({"test_room": {"size": "big"}}, rf"{KEY}\.test_room: "),
        ({"test_room": 3}, rf"{KEY}\.test_room must be an object of options, got 3"),
        ({"no_such": {}}, rf"{KEY}\.no_such: unknown environment 'no_such'"),
    ],
)
def test_a_wrong_option_is_named(options: Any, said: str) -> None:
    with pytest.raises(UserInputError, match=said):
        check_options(options)


def test_the_environment_of_all_tasks_is_made_with_what_it_lacks() -> None:
    with pytest.raises(UserInputError, match=rf"{KEY}\.functions\.tools must be"):
        check_options({}, "functions")
    check_options({"test_room": None}, "test_room")


def test_a_task_that_names_no_environment_is_broken() -> None:
    with pytest.raises(BrokenTaskError, match="unknown environment 'nowhere'"):
        make_environment("nowhere", None, {"nowhere": {"a": 1}})


def test_options_come_from_the_configuration_and_must_have_values() -> None:
    def rollout(node: dict[str, Any]) -> Any:
        return read_settings(OmegaConf.create({"agentic": {"rollout": node}})).rollout

    assert rollout({"env_options": {"test_room": {"size": 2, "name": None}}}).env_options == {
        "test_room": {"size": 2, "name": None}
    }
    with pytest.raises(UserInputError, match=rf"^{KEY}\.mcp\.servers has no value; set it on the command line"):
        rollout({"env_options": {"mcp": {"servers": "???"}}})
    with pytest.raises(
        UserInputError, match=r"^agentic\.rollout\.grace_seconds must be a number of at least 0, got -1"
    ):
        rollout({"grace_seconds": -1})


OF_A_FILE = """
from verl_agentic.tool_envs import Environment


class Shed(Environment):
    def __init__(self, user=None, *, size=1):
        super().__init__(user)
        self.size = size

    async def call(self, name, arguments):
        return ""
"""


def test_a_file_is_named_by_the_configuration_only(tmp_path: Path) -> None:
    (tmp_path / "shed.py").write_text(OF_A_FILE)
    name = f"{tmp_path}/shed.py:Shed"
    with pytest.raises(BrokenTaskError, match="unknown environment"):
        make_environment(name)
    node = {"agentic": {"rollout": {"tool_env": name, "env_options": {name: {"size": 3}}}}}
    settings = read_settings(OmegaConf.create(node)).rollout
    check_options(settings.env_options, settings.tool_env)
    made = make_environment(name, None, settings.env_options)
    assert type(made).__name__ == "Shed" and vars(made)["size"] == 3


def test_what_a_file_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    for name, said in (("broken.py:Shed", "ZeroDivisionError"), ("none.py:Shed", "no such file")):
        with pytest.raises(UserInputError, match=rf"^agentic\.rollout\.tool_env: .*{said}"):
            read_settings(OmegaConf.create({"agentic": {"rollout": {"tool_env": f"{tmp_path}/{name}"}}}))


def test_mocked_tools_and_users_ask_the_language_model_that_is_configured() -> None:
    llm, own = {"model": "large"}, {"model": "small"}

    def rollout(**node: Any) -> Any:
        return read_settings(OmegaConf.create({"agentic": {"llm": llm, "rollout": node}})).rollout

    assert rollout().env_options == {"mock": {"llm": llm}}
    assert rollout(env_options={"mock": {"llm": own, "max_chars": 99}}).env_options["mock"] == {
        "llm": own,
        "max_chars": 99,
    }
    assert rollout(env_options={"mock": {"llm": None}}).env_options["mock"] == {"llm": llm}
    assert rollout(simulator="llm").simulator_options == {"llm": llm}
    assert rollout(simulator="scripted").simulator_options == {}


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"rollout": {"max_turn": 3}}, r"agentic\.rollout\.max_turn is unknown; did you mean max_turns\? known keys"),
        ({"storage": {}}, r"agentic\.storage is unknown; did you mean store\? known keys: profile"),
    ],
)
def test_an_unknown_key_comes_with_those_that_are_known(node: dict[str, Any], said: str) -> None:
    with pytest.raises(UserInputError, match=said):
        read_settings(OmegaConf.create({"agentic": node}))
