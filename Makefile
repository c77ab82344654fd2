# Copyright (c) 2026, community.aistore contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `make demo` shows the collection at work, `make test` is what CI runs. CONTRIBUTING.md tells the rest.

MAKEFLAGS += --no-print-directory
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.SILENT:

# Nothing of a user's own Ansible set-up may change what runs here, and nothing here may change it.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_REMOTE_TMP := $(CURDIR)/.cache/ansible/tmp
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/ansible/collections
export PYTHONDONTWRITEBYTECODE := 1

# These set the security of their clusters themselves, or have none.
OWN_SECURITY := authn examples harness permissions sandbox
# What of the cluster tests says most about TLS and tokens, in less than a minute.
MAIN_FILES := bucket object sync info config
MAIN_CASES := converge or check_and_apply or round_trip or what_the_nodes_say
LINTS := lint-python lint-types lint-ansible lint-docs lint-files
TESTS := lint unit sanity cluster secure-main molecule

# Runs targets in order, each under a heading and with its seconds; the first failure ends the run.
define in_order
	for part in $(1); do \
	    printf '\n===== %s\n' "$$part"; SECONDS=0; \
	    $(MAKE) "$$part" || { printf '===== %s FAILED after %s s\n' "$$part" "$$SECONDS"; exit 1; }; \
	    printf '===== %s passed in %s s\n' "$$part" "$$SECONDS"; \
	done
endef

.PHONY: help venv demo test lint $(LINTS) format unit sanity cluster secure secure-main slow molecule matrix bench importer build lock clean

help:  ## this list
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | column -t -s '|'

venv:  ## .venv with everything pinned, made or brought up to date
	scripts/bootstrap

demo: venv  ## a real cluster, buckets as data, what changed, and nothing the second time (KEEP=1: stays)
	ANSIBLE_DISPLAY_SKIPPED_HOSTS=false ansible-playbook playbooks/demo.yml $(if $(KEEP),-e demo_keep=true)

test: venv  ## everything CI runs
	$(call in_order,$(TESTS))

lint: venv  ## ruff, mypy, ansible-lint, antsibull, reuse, yamllint
	$(call in_order,$(LINTS))

lint-python: venv
	ruff check --quiet . && ruff format --check --quiet .

# mypy takes the collection by its full name, from a tree of its own: what is in site-packages it skips.
lint-types: venv
	mkdir -p .cache/mypy/ansible_collections/community
	ln -sfn ../../../.. .cache/mypy/ansible_collections/community/aistore
	mypy | sed 's|^.*ansible_collections/community/aistore/||'

lint-ansible: venv
	ansible-lint --offline -q

lint-docs: venv
	python scripts/generate_docs.py --check
	antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs self . \
	    | sed 's|^.*ansible_collections/community/aistore/||'
	antsibull-changelog lint
	python scripts/generate_docs.py --check

lint-files: venv
	reuse lint --quiet || { reuse lint; exit 1; }
	yamllint --strict .
	git ls-files -z --cached --others --exclude-standard | xargs -0 -r grep -lIZE '^#!.*sh$$' | xargs -0 -r shellcheck

format: venv  ## ruff's formatter and safe fixes
	ruff format --quiet . && ruff check --quiet --fix .

unit: venv  ## tests that need no server
	pytest -q tests/unit

sanity: venv  ## ansible-test sanity, every test, no ignore file
	scripts/sanity

cluster: venv  ## tests against real clusters
	pytest -q tests/cluster -m "not slow"

secure: venv  ## the cluster tests and the scenarios against clusters with TLS and tokens
	pytest -q tests/cluster -m "not slow" --secure $(OWN_SECURITY:%=--ignore=tests/cluster/test_%.py)
	AISTORE_SECURE=1 $(MAKE) molecule

secure-main: venv  ## the most telling of them, on one version
	pytest -q $(MAIN_FILES:%=tests/cluster/test_%.py) -k "$(MAIN_CASES)" -m "not slow" --secure --ais-version 5.0

slow: venv  ## the cluster tests that take minutes
	pytest -q tests/cluster -m slow

molecule: venv  ## the scenarios of extensions/molecule against a real cluster
	# A run that was interrupted leaves a cluster, and molecule would take it for a new one.
	log=$$(molecule destroy --scenario-name default 2>&1) || { echo "$$log"; exit 1; }
	molecule test --all

matrix: venv  ## unit tests and a smoke playbook on every supported ansible-core
	scripts/matrix

bench: venv  ## side by side with what one would use instead
	python tests/bench/run.py

importer: build  ## what Ansible Galaxy says about the tarball
	scripts/importer

build: venv  ## the tarball in .cache/build
	rm -rf .cache/build
	ansible-galaxy collection build --output-path .cache/build .

lock: venv  ## requirements-dev.txt from requirements-dev.in, newest versions
	uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes \
	    --no-emit-index-url --no-header --output-file requirements-dev.txt requirements-dev.in

clean:  ## removes .venv and .cache
	rm -rf .venv .cache
