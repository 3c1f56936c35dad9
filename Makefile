# The two commands of the README are `make demo` and `make test`; a contributor runs `make check`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO_OUT ?= demo

.PHONY: help install weights demo example test lint types check lock clean

help:            ## list the targets
	@grep -E '^[a-z]+: .*##|^[a-z]+: *##' $(MAKEFILE_LIST) | sed -E 's/:.*## /  -  /'

# On Linux the package index has PyTorch with CUDA, which adds over 3 GB that no machine without an NVIDIA driver uses: there the
# CPU build is asked for first. Where no index has it, pip takes what it finds.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
CPU_TORCH := $(shell sed -n 's/^torch==.*/&+cpu/p' constraints.txt)
# Two processes, each with whole files in the order of collection: the longest ones come early, and a file's fixtures are made once.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	@if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null; then \
	    echo "$(CPU_TORCH), the build without CUDA"; \
	    $(PIP_INSTALL) --retries 0 --timeout 20 --constraint constraints.txt --extra-index-url $(TORCH_INDEX) '$(CPU_TORCH)' \
	    || echo "No index has it: pip's own choice follows, on x86-64 with CUDA (over 3 GB more)."; fi
	$(PIP_INSTALL) --constraint constraints.txt --editable '.[dev]'
	@# openai-whisper asks for triton, a compiler for graphics processors of 1 GB, which nothing uses without CUDA.
	@if $(BIN)/python -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; \
	then $(BIN)/python -m pip uninstall --quiet --yes triton; fi
	touch $@

install: $(VENV)/.installed  ## make .venv with the tested versions

weights: install  ## fetch the pretrained weights (about 750 MB) into the user's cache, checksums verified
	$(BIN)/mtmm-video weights fetch

demo: weights  ## analyse a sample video and say where the report lies
	$(BIN)/mtmm-video analyze sample_videos/*.mp4 --out $(DEMO_OUT)

example: weights  ## the static example of a report, and the pictures in the documents
	$(BIN)/mtmm-video analyze sample_videos/good_stay.mp4 --formats html --out docs/example
	$(BIN)/python docs/make_screenshots.py docs/example/good_stay.html docs/images

test: weights  ## all tests that this machine can run, but for those that start a database and workers
	$(PYTEST) -m 'not services'

lint: install  ## ruff: style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install  ## mypy, strict
	$(BIN)/mypy

BENCH_VIDEOS ?= $(wildcard ../shared/data/mosei/video/*.mp4)

bench: weights  ## the tables of docs/performance.md; BENCH_VIDEOS="a.mp4 b.mp4" names the videos, BENCH_OTHERS a folder of other programs
	$(BIN)/python benchmarks/performance.py $(BENCH_VIDEOS) $(if $(BENCH_OTHERS),--others $(BENCH_OTHERS))
	$(BIN)/python benchmarks/analyze.py $(firstword $(BENCH_VIDEOS))

check: lint types weights  ## ruff, mypy and all tests: what .ci/run calls
	$(PYTEST)

# Not triton: PyTorch with CUDA asks for the one version that fits it, and without CUDA nothing imports it. A pin taken from
# an environment without CUDA leaves nothing to install where pip knows the package index alone.
lock: install  ## write the versions of this .venv into constraints.txt (after testing them)
	{ echo '# The versions that were tested together on Linux x86-64, Python 3.11. Written by `make lock`.'; \
	  $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' | grep -v -e ' @ ' -e '^triton=='; } > constraints.txt

clean:  ## remove what was built; the user's cache stays
	rm -rf $(VENV) $(DEMO_OUT) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
