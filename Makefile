# make demo   the whole road on a packaged network        make test   all tests
# Both make a virtual environment in .venv first: Python >= 3.11 and a C++ compiler are all they need.

PYTHON ?= python3
UV := uv==0.13.9
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
ROOMS := flow golden hdl sim boards tests docs

export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME

.PHONY: demo tune-demo test lint docs trust trust-full bench prove soak invariance bench-snntorch tables lock clean venv

demo: $(READY)
	$(BIN)/spikeloom demo

# Searches for the digits' best hardware on an iCE40 HX8K, and builds one design of the front.
tune-demo: $(READY)
	$(BIN)/spikeloom tune flow/data/digits.nir --data flow/data/digits.npz --board ice40-hx8k --convention snntorch \
	  --space docs/examples/digits-space.yaml --require "accuracy>=0.95" --trials 160 --settle 1 -o spikeloom-tune

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(READY)
	$(BIN)/ruff check $(ROOMS)
	$(BIN)/ruff format --check $(ROOMS)

# The documentation as docs/_build/html. The first call runs every command and example of its pages.
docs: $(READY)
	$(BIN)/python -m sphinx -W --keep-going -q -E -b doctest -d docs/_build/doctrees docs docs/_build/doctest
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "Wrote docs/_build/html/index.html; open it in a browser"

# Tries to break hardware and program: build/trust/quick/index.html shows how hard; 22 minutes or more.
trust: $(READY)
	$(BIN)/python -m spikeloom.trust

# The same for hours: build/trust/full/index.html.
trust-full: $(READY)
	$(BIN)/python -m spikeloom.trust --full

# Proves the hardware's small parts, and finds a planted bug by each proof; minutes.
prove: $(READY)
	$(BIN)/python -m spikeloom.bench proofs --again

# Measures every figure of the docs into docs/results, and writes the tables; takes hours, and goes on where it stopped.
bench: $(READY)
	$(BIN)/python -m spikeloom.bench

# 10^8 clocks of random packets through each interconnect, every one counted; takes an hour.
soak: $(READY)
	$(BIN)/python -m spikeloom.bench soak

# Other placements on other numbers of cores, with links that stall at random; takes hours.
invariance: $(READY)
	$(BIN)/python -m spikeloom.bench invariance

# Writes the tables of README.md and docs/*.md from docs/results, and the pages of the boards.
tables: $(READY)
	$(BIN)/python -m spikeloom.bench.tables
	$(BIN)/python docs/board_pages.py

# snnTorch in an environment of its own, for the figure golden_speed.
bench-snntorch:
	$(PYTHON) -m venv --clear $(VENV)-train
	$(VENV)-train/bin/python -m pip install --disable-pip-version-check --quiet '.[train]'

venv: $(READY)

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	  { echo "There is no $(PYTHON); install Python 3.11 or later, or name it: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is `$(PYTHON) --version`; Spikeloom needs 3.11 or later: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

# The newest versions that pyproject.toml allows, for Python >= 3.11 on every Linux, from the public index alone.
lock:
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --disable-pip-version-check --quiet $(UV)
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)-lock/bin/uv pip compile --no-config --quiet --upgrade --universal \
	  --python-version 3.11 --fork-strategy fewest --generate-hashes --no-annotate --no-emit-index-url \
	  --extra dev --extra docs pyproject.toml -o requirements.lock
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) $(VENV)-lock $(VENV)-train docs/_build build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find $(ROOMS) -name __pycache__ -type d -prune -exec rm -rf {} +
