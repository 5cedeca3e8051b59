# What can be done here; `.ci/run` does the same as `just check` and then `just resilience`.

# Tests start many processes, and without its compiled files each of them would compile every library anew.
export PYTHONDONTWRITEBYTECODE := ""

# List the recipes
default:
    @just --list

# Make the environment
setup:
    uv sync

# Coverage is measured where each behaviour is proven at its lowest level; elsewhere it would only cost time.
measured := "tests/unit tests/contracts tests/integration"
unmeasured := "tests/security tests/conformance tests/e2e tests/project tests/resilience"

# Everything that has to hold before a change is merged
[parallel]
check: lint types arrows
    uv run pytest -n auto {{ unmeasured }}
    uv run coverage erase
    uv run coverage run -m pytest -n auto {{ measured }}
    uv run coverage combine --quiet
    uv run coverage report --fail-under=95
    uv run coverage report --fail-under=100 --include='domain/*,tools/*'

# Kills, faults, outages, chaos, adversaries and slow foreign clients: the slices that run with every change
resilience *arguments:
    uv run pytest -n auto -m "resilience and not exhaustive" {{ arguments }}

# Formatting and ruff's rules
lint:
    uv run ruff format --check
    uv run ruff check

# mypy, strict
types:
    uv run mypy

# Who may import whom
arrows:
    uv run lint-imports

# The tests alone, or some of them: `just test tests/unit/domain -x`
test *arguments:
    uv run pytest {{ arguments }}

# The fault matrices, the state machines of uploads, every switch of the sandbox both ways, every transport and every start-up error, the long runs included
faults *arguments:
    uv run pytest tests/resilience/faults tests/resilience/kills tests/contracts/platform tests/integration/sandbox/indexing_api tests/integration/adapters/glean tests/integration/cli/operations tests/integration/scheduling tests/e2e -m "" {{ arguments }}

# Hundreds of sagas while processes die at random, on both databases (minutes; CHAOS_SEED repeats a run, CHAOS_SAGAS sizes it)
chaos *arguments:
    uv run pytest tests/resilience/chaos -m "" {{ arguments }}

# The tests of every change with fresh examples of hypothesis, and more of them
fresh *arguments:
    uv run pytest -n auto --hypothesis-profile=fresh {{ arguments }}

# Take every safety rule out in turn, then make every small change to them: a test must fail each time (minutes; `--rules` or `--changes` for one of both)
mutants *arguments:
    uv run --group mutants python .ci/mutants.py {{ arguments }}

# Everybody who may attack, the long runs included; the summary has their figures
adversarial *arguments:
    uv run pytest tests/security -m "" {{ arguments }}

# The figures of the performance goals, measured in one run
bench *arguments:
    uv run python -m tests.benchmarks {{ arguments }}

# Write the pages of docs/reference that are made from the code
reference:
    PYTHONPATH=.ci uv run python -m reference

# Resolve the newest versions and pin them in pyproject.toml
lock:
    uv run --no-sync python .ci/pin.py
    uv sync
