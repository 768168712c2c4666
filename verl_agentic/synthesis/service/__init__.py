"""Service tasks: a business policy, a simulated user and a database in which everything has consequences."""

from verl_agentic.synthesis.service.domain import Column, Domain, Intent, Rule, Table, Tool
from verl_agentic.synthesis.service.family import ServiceFamily

__all__ = ["Column", "Domain", "Intent", "Rule", "ServiceFamily", "Table", "Tool"]
