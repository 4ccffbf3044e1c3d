# A thin door to Meson. `make` needs only what packages.txt lists under "build";
# `make try`, `make check`, `make bench` and `make fuzz` install what they need.

BUILD ?= build
PREFIX ?= /usr/local
# Debian's own meson and python3, whatever else comes first on the caller's PATH.
export PATH := /usr/sbin:/usr/bin:/sbin:/bin:$(PATH)

.PHONY: all try check bench fuzz storm install format lint clean packages

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

# The programs are built with musl: see scripts/toolchain.
$(BUILD)/build.ninja:
	@mkdir -p $(BUILD)
	@scripts/toolchain >$(BUILD)/toolchain.ini
	@meson setup --cross-file $(BUILD)/toolchain.ini --prefix $(PREFIX) $(BUILD)

# Builds, then runs real programs behind the wall and shows what they see.
try:
	@scripts/install-packages build try
	@$(MAKE) --no-print-directory all
	@scripts/try $(BUILD)/rung

# Everything that can be checked; one section alone: scripts/check unit
check:
	@scripts/install-packages build try test bench
	@scripts/check

# Compares with crun, runc and bubblewrap: make bench ARGS="-n 30 -c crun -c rung"
bench:
	@scripts/install-packages build bench
	@$(MAKE) --no-print-directory all
	@bench/oci --rung $(BUILD)/rung $(ARGS)

# Looks for new inputs that break a parser, FUZZ_SECONDS for each target.
FUZZ_SECONDS ?= 60
fuzz:
	@scripts/install-packages build fuzz
	@scripts/fuzz $(FUZZ_SECONDS)

# Two users, many commands, kill -9 at random, for STORM_SECONDS.
STORM_SECONDS ?= 300
storm:
	@scripts/install-packages build try test
	@$(MAKE) --no-print-directory all
	@RUNG=$(BUILD)/rung RUNG_STORM_SECONDS=$(STORM_SECONDS) /usr/bin/python3 -B -m pytest -q -s -p no:cacheprovider tests/storm

install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint:
	@scripts/install-packages build test
	@RUNG_TIDY_NODES=225000 scripts/check format style tidy scripts manual

packages:
	@scripts/install-packages build try test bench fuzz

clean:
	@rm -rf build build-check build-unit build-clang build-asan build-fuzz
