# Two commands do all: `make train` (the main job on a machine without a GPU) and `make test`.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.10 python3,$(shell $(name) --version >/dev/null 2>&1 && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/cpu-py311.txt
# Where CPU builds of torch are served; without it pip falls back to its own index.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
SEED ?= 0
ARGS ?=
SETUP_LOG := $(VENV)/setup.log
BENCHMARKS ?= math_reward sql_reward world_env hearing worlds agent_loop in_flight synthesis pool epoch_boundary flywheel_vs_static

.PHONY: help setup train test quick unit integration lint bench clean

help:
	@echo "make train [SEED=0] [ARGS='...']  set up and run the main job on the CPU"
	@echo "make test                         set up and run linters and all tests"
	@echo "make unit | integration | lint    parts of it"
	@echo "make quick                        the inner loop: linters and the fast tests, without torch or verl"
	@echo "make bench                        run all benchmarks, each beside its peer"

setup: $(VENV)/.installed

# The lock is complete, so nothing is resolved: resolving would draw in torchvision, whose PyPI build cannot be
# imported beside a CPU build of torch.
$(VENV)/.installed: $(LOCK) pyproject.toml
	@mkdir -p $(VENV) && : > $(SETUP_LOG)
	@$(call timed,virtual environment,$(MAKE_VENV))
	@$(call timed,torch for the CPU,$(INSTALL_TORCH))
	@$(call timed,packages of $(LOCK),$(INSTALL_LOCK))
	@$(call timed,verl-agentic,$(INSTALL_SELF))
	@touch $@

PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
MAKE_VENV = $(PYTHON) -m venv $(VENV) && $(PIP_INSTALL) --upgrade "pip<27" "setuptools>=77,<81" wheel
INSTALL_TORCH = $(PIP_INSTALL) --no-deps --retries 0 --index-url $(TORCH_INDEX) "$$(grep '^torch==' $(LOCK))" || true
INSTALL_LOCK = $(PIP_INSTALL) --no-deps -r $(LOCK)
INSTALL_SELF = $(PIP_INSTALL) --no-deps --no-build-isolation --editable .

# $(call timed,WHAT,COMMAND): a line with its seconds; what it prints goes to the log, whose end is shown on failure.
timed = started=$$(date +%s); if { $(2); } >> $(SETUP_LOG) 2>&1; then \
	echo "setup: $(1) in $$(($$(date +%s) - started)) s"; else \
	tail -n 30 $(SETUP_LOG) >&2; echo "setup: $(1) failed; all of its output: $(SETUP_LOG)" >&2; exit 1; fi

train: setup
	$(BIN)/python -m verl.trainer.main_ppo +recipe=agenticqwen agentic.seed=$(SEED) $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What takes long, or needs torch or verl, is left to `make unit`.
quick: lint
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -q -m "not slow" tests/contracts tests/docs \
		$(addprefix tests/unit/,cli contracts core databases evaluation flywheel isolation llm report reward_fns rollout store) \
		tests/unit/synthesis tests/unit/tool_envs

# A process that has nothing left takes tests from the other one: one file of cases takes a quarter of the time.
unit: setup
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal tests/unit tests/contracts tests/docs tests/outside

integration: setup
	$(BIN)/python -m pytest tests/integration

test: lint unit integration

bench: setup
	@for name in $(BENCHMARKS); do echo "benchmarks.$$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info
