PYTHON ?= python3
BIN := .venv/bin

# The lowest versions are tested on the lowest Python, also where pyenv hides it.
LOWEST_PYTHON ?= $(shell PYENV_VERSION=3.10 python3.10 -c 'import sys; print(sys.executable)' \
	2>/dev/null || echo $(PYTHON))
LOWEST := .venv-lowest/bin
LIGHT := tests/genie_transforms tests/test_imports.py tests/index/train/test_models.py \
	tests/index/diffusion/test_text_weights.py

# Benchmarks of the demo's models, in the order in which people look at them. They are measured in a
# folder of these weights, so that `make results` continues where it stopped, and begins anew with
# other weights. Paths are relative to it, for results state their command.
MEASURED := measured/$(firstword $(shell cksum < index/demo/train.json))
OF_THE_DEMO := demo few_shot ada_modes choosing_r analyses price filters hardness figures prompts \
	confounded confounded_settings confounded_tied

# A long tail of photographs: the generator, whether it shows its classes, and then the arms. CIFAR is
# the folder of CIFAR-10's class folders; CIFAR_TRAINING is how each arm is trained.
CIFAR ?= cifar10
CIFAR_LT := measured/cifar_lt
CIFAR_TRAINING ?= --training.epochs 200 --training.warmup-epochs 5

.PHONY: demo train test lint docs results cifar-lt lowest test-lowest clean

demo: .venv/index.stamp  ## build the demo bank into genie-bank/ and look at genie-bank/preview.png
	$(BIN)/python -m index.build

train: .venv/index.stamp  ## after `make demo`: train a small classifier with and without its bank
	$(BIN)/python -m index.demo.classify

# Two at a time, a thread each: most are too small for more. A file's tests stay together, for they
# share what is slow to make.
test: .venv/test.stamp lint  ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

results: $(OF_THE_DEMO:%=$(MEASURED)/%.stamp)  ## measure again what depends on the demo's models: more than three hours of one core
	$(BIN)/python -m benchmarks.tables

$(MEASURED)/%.stamp: | .venv/test.stamp
	mkdir -p $(MEASURED)
	cd $(MEASURED) && PYTHONPATH=$(CURDIR) $(CURDIR)/$(BIN)/python -m benchmarks.$(or $(COMMAND),$*) $(ARGS) --json $*.json $(PICTURE)
	cp $(MEASURED)/$*.json benchmarks/results/
	touch $@

# They share a folder: the pool of episodes, or the seeds' banks.
$(MEASURED)/choosing_r.stamp: | $(MEASURED)/few_shot.stamp
$(MEASURED)/analyses.stamp: | $(MEASURED)/choosing_r.stamp
$(MEASURED)/confounded_settings.stamp $(MEASURED)/confounded_tied.stamp: | $(MEASURED)/confounded.stamp

$(MEASURED)/demo.stamp: PICTURE := --picture ../../docs/sweep.png
$(MEASURED)/few_shot.stamp: ARGS := --work pool
$(MEASURED)/few_shot.stamp: PICTURE := --plot ../../docs/few-shot.png
$(MEASURED)/ada_modes.stamp: ARGS := --pairs 400 --dtype bfloat16
$(MEASURED)/ada_modes.stamp: PICTURE := --plot ../../docs/ada-modes.png
$(MEASURED)/choosing_r.stamp: ARGS := --work pool
$(MEASURED)/choosing_r.stamp: PICTURE := --plot ../../docs/choosing-r.png
$(MEASURED)/analyses.stamp: ARGS := --work pool
$(MEASURED)/analyses.stamp: PICTURE := --plot ../../docs/analyses.png
$(MEASURED)/price.stamp: ARGS := --work price
$(MEASURED)/price.stamp: PICTURE := --plot ../../docs/price.png
$(MEASURED)/filters.stamp: ARGS := --work filters
$(MEASURED)/hardness.stamp: ARGS := --work hardness
$(MEASURED)/hardness.stamp: PICTURE := --plot ../../docs/hardness.png
$(MEASURED)/figures.stamp: ARGS := --work figures
$(MEASURED)/figures.stamp: PICTURE := --out ../../docs/figures
$(MEASURED)/prompts.stamp: ARGS := --work prompts
$(MEASURED)/confounded.stamp: ARGS := --work confounded
$(MEASURED)/confounded.stamp: PICTURE := --plot ../../docs/confounded.png
$(MEASURED)/confounded_settings.stamp: COMMAND := confounded
$(MEASURED)/confounded_settings.stamp: ARGS := --work confounded --arms none resampled genie genie-0.5 genie-0.6 \
	genie-0.7 genie-0.9 genie-of-5 genie-of-10 genie-of-25 genie-kept real-g balanced balanced+genie \
	balanced+genie-p0.25 balanced+genie-p0.75 balanced+genie-p1.0
$(MEASURED)/confounded_tied.stamp: COMMAND := confounded
$(MEASURED)/confounded_tied.stamp: ARGS := --work confounded --arms none resampled txt2img txt2img-tied genie genie-tied

cifar-lt: $(CIFAR_LT)/long_tail.stamp  ## train on CIFAR-10 with a long tail, from cifar10/train/CLASS and cifar10/test/CLASS: many hours

$(CIFAR_LT)/generator.stamp: RUN := small_pipeline --data folder --root cifar10 --half generator --vae-factor 2 \
	--unet-steps 9000 --oracle-steps 4000 --out generator --work checkpoints
$(CIFAR_LT)/check.stamp: RUN := small_pipeline.check --trained generator --root cifar10 --least 0.6 \
	--json ../../benchmarks/results/cifar_lt_check.json
$(CIFAR_LT)/long_tail.stamp: RUN := long_tail --data folder --root cifar10 --half classifier \
	--largest 2500 --imbalance 250 --model generator/pipeline --oracle generator/oracle.safetensors \
	--backbone own --seeds 0 1 2 --training.model resnet32 $(CIFAR_TRAINING) --work arms \
	--json ../../benchmarks/results/cifar_lt.json

$(CIFAR_LT)/%.stamp: | .venv/test.stamp
	mkdir -p $(CIFAR_LT)
	ln -sfn $(abspath $(CIFAR)) $(CIFAR_LT)/cifar10
	cd $(CIFAR_LT) && PYTHONPATH=$(CURDIR) $(CURDIR)/$(BIN)/python -m benchmarks.$(RUN)
	touch $@

$(CIFAR_LT)/check.stamp: | $(CIFAR_LT)/generator.stamp
$(CIFAR_LT)/long_tail.stamp: | $(CIFAR_LT)/check.stamp

test-lowest: lowest  ## run the light tests and build a small bank on the lowest versions
	$(LOWEST)/python --version
	$(LOWEST)/python -m pytest -k 'not spawn and not forkserver' $(LIGHT)
	rm -rf .venv-lowest/bank
	$(LOWEST)/genie-build --out .venv-lowest/bank --max-pairs 2 --noise-ratios 0.8 0.9 \
		--num-inference-steps 10
	$(LOWEST)/genie-verify .venv-lowest/bank

lowest: .venv-lowest/stamp  ## install the lowest versions that setup.cfg allows

docs: .venv/docs.stamp  ## build the site from README.md, docs/ and the docstrings: site/html/index.html
	rm -rf site
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -c docs -d site/doctrees . site/html

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/index.stamp: setup.cfg constraints.txt | .venv
	$(BIN)/pip install --quiet --editable '.[index]' --constraint constraints.txt
	touch $@

.venv/test.stamp: setup.cfg constraints.txt | .venv
	$(BIN)/pip install --quiet --editable '.[dev]' --constraint constraints.txt
	touch $@ .venv/index.stamp

.venv/docs.stamp: setup.cfg constraints.txt | .venv
	$(BIN)/pip install --quiet --editable '.[docs]' --constraint constraints.txt
	touch $@ .venv/index.stamp

.venv-lowest/stamp: setup.cfg constraints-lowest.txt
	$(LOWEST_PYTHON) -m venv .venv-lowest
	$(LOWEST)/pip install --quiet --editable '.[index,hub,hf]' hypothesis pytest pytest-timeout \
		--constraint constraints-lowest.txt
	touch $@

.venv:
	$(PYTHON) -m venv .venv

clean:
	rm -rf .venv .venv-lowest site genie-bank demo-images measured
