# Everything a newcomer needs: `make demo`, `make test`. The work is in scripts/.
#
#   FILE=film.mp4   video for `make demo` instead of the street clip
#   CUDA=1          the CUDA build of ONNX Runtime, and the elements with it
#   ANALYTICS=1     class maps as GStreamer's analytics metadata as well (GStreamer 1.26, as in Debian 13)
#   PREFIX=DIR      where `make install` puts things (~/.local)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ROOT := $(CURDIR)
RUNTIME := $(ROOT)/.runtime$(if $(CUDA),/cuda)
PREFIX ?= $(HOME)/.local

# A library named by the caller is used as it is; else the one that `make runtime` fetches.
export ORT_DYLIB_PATH ?= $(RUNTIME)/libonnxruntime.so.1.31.1
export CARGO_TARGET_DIR ?= $(ROOT)/target
export ORT_DISABLE_TELEMETRY ?= 1
# The user's own registry of plugins stays as it is.
export GST_REGISTRY_1_0 := $(CARGO_TARGET_DIR)/gst-registry.bin
comma := ,
empty :=
export FEATURES := $(subst $(empty) $(empty),$(comma),$(strip \
    $(if $(CUDA),gst-plugin-tttseg/cuda tttseg-cli/cuda tttseg-lab/cuda tttseg/cuda) $(if $(ANALYTICS),gst-plugin-tttseg/analytics)))
export ANALYTICS CUDA FILE PREFIX

.PHONY: help setup runtime plugin demo test test-all bench install deb clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14
	@echo
	@sed -nE 's/^#   ([A-Z]+=)/  \1/p' $(firstword $(MAKEFILE_LIST))

setup: ## check Rust, install the system packages that are missing
	@scripts/setup.sh

runtime: setup ## fetch ONNX Runtime into .runtime
	@scripts/onnxruntime.sh

plugin: setup ## build the elements and the command line, optimised
	@scripts/plugin.sh release

demo: runtime plugin ## segment a street clip (or FILE=...), into demo-output
	@scripts/demo.sh

test: runtime ## format, lints, all tests but the slow ones
	@scripts/test.sh

test-all: runtime ## the same and the slow tests
	@scripts/test.sh --slow

bench: runtime plugin ## time of a step and of a prediction, on this machine
	@scripts/bench.sh

install: runtime plugin ## elements, command line and ONNX Runtime for this user (PREFIX)
	@scripts/install.sh

deb: plugin ## a Debian package of elements and command line, into target/deb
	@scripts/deb.sh release

clean: ## remove what was built and demo-output; .runtime stays
	@cargo clean
	@rm -rf demo-output
