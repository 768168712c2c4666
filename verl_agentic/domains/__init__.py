"""Businesses in files: data, tools, policy, users and workflows, and the worlds that they make."""

from verl_agentic.domains.domain import BusinessDomain, read_domain
from verl_agentic.domains.editions import Edition, edition_of
from verl_agentic.domains.library import domain_folders, load_domain
from verl_agentic.domains.source import DomainError

__all__ = ["BusinessDomain", "DomainError", "Edition", "domain_folders", "edition_of", "load_domain", "read_domain"]
