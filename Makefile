# The front door: each target is one or two commands of CMake, CTest or tools/, which you may as well type yourself.
#
#   make            builds build/galen (installs missing system packages first; make DEPS=no leaves that out)
#   make demo       draws synthetic chest X-rays, reads them, trains on others, and says how good that is
#   make test       builds and runs all tests
#   make lint       formatting, include directions, banned functions, headers alone, exported symbols, clang-tidy
#   make format     applies .clang-format
#   make debug | asan | tsan      builds that variant and runs the tests in it
#   make arm        cross-builds for aarch64 into build-arm and tests it under qemu-user
#   make fuzz       builds the libFuzzer targets and runs each for FUZZ_SECONDS
#   make bench-predict | bench-model   measures the command's start-up and the model's speed
#   make bench-limits   cold start, peak memory and first runs at new batch sizes of ResNet-18 64x64
#   make install PREFIX=/usr/local
#   make clean

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
DEPS ?= yes

.DEFAULT_GOAL := release
.PHONY: release deps demo test lint format debug asan tsan arm fuzz bench-predict bench-model bench-limits install clean

deps:
ifeq ($(DEPS),yes)
	@sh tools/install-deps.sh
endif

release: deps
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release --parallel $(JOBS)

demo: release
	@sh tools/demo.sh build

test: release
	@ctest --preset release --parallel $(JOBS)
	@[ -d "$${GALEN_SHARED:-../shared/data}" ] || \
		echo "SKIPPED: every test on real data, for $${GALEN_SHARED:-../shared/data} is not there (GALEN_SHARED names the folder)"

debug asan tsan: deps
	@cmake --preset $@ --log-level=WARNING
	@cmake --build --preset $@ --parallel $(JOBS)
	@ctest --preset $@ --parallel $(JOBS)

lint: release
ifeq ($(DEPS),yes)
	@sh tools/install-deps.sh --lint
endif
	@bash tools/lint.sh build

format:
	@git ls-files '*.c' '*.h' '*.cc' | xargs clang-format -i

arm:
ifeq ($(DEPS),yes)
	@sh tools/install-deps.sh --arm
endif
	@sh tools/arm.sh

fuzz: release
ifeq ($(DEPS),yes)
	@sh tools/install-deps.sh --lint
endif
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz --parallel $(JOBS)
	@sh tools/fuzz.sh build build-fuzz $(FUZZ_SECONDS)

bench-predict: release
	@build/galen phantom --out build/bench/phantom >build/bench/phantom.txt
	@build/bench/startup 40 build/galen predict default build/bench/phantom/phantom-1-000000.png

bench-model: release
	@build/galen bench default --batch 1,8,64 --threads 1,2

bench-limits: release
	@build/galen phantom --out build/bench/phantom >build/bench/phantom.txt
	@build/galen convert zoo:resnet18 --size 64 --classes 1 --keep build/bench/resnet18-64.onnx >build/bench/convert.txt
	@build/bench/limits build/galen build/bench/resnet18-64.onnx build/bench/phantom/phantom-1-000000.png \
		bench/results/resnet18_64-limits.json

install: release
	@cmake --install build --prefix $(PREFIX)

clean:
	@rm -rf build build-debug build-asan build-tsan build-fuzz build-arm
