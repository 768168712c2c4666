"""The operators that domains grow by, by name."""

from __future__ import annotations

from verl_agentic.core.named import Registry
from verl_agentic.synthesis.domains.disturbances import Outage, PlantedOrder
from verl_agentic.synthesis.domains.operators import (
    Adversary,
    Amended,
    Boundary,
    ChangedMind,
    Declining,
    DeskOperator,
    Distraction,
    MissingFacts,
    Mistaken,
)
from verl_agentic.synthesis.domains.records import ForgottenNumber, Lookalikes
from verl_agentic.synthesis.domains.second import RepeatedRequest, SecondRequest

_BUILT_IN: tuple[DeskOperator, ...] = (
    MissingFacts(),
    Distraction(),
    Declining(),
    Adversary(),
    Mistaken(),
    ChangedMind(),
    Boundary(),
    SecondRequest(),
    Outage(),
    PlantedOrder(),
    ForgottenNumber(),
    Lookalikes(),
    Amended(),
    RepeatedRequest(),
)
DESK_OPERATORS: Registry[DeskOperator] = Registry(
    "operator of domains", {one.name: one for one in _BUILT_IN}, paths=False
)
