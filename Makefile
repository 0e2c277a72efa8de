# SPDX-License-Identifier: Apache-2.0
# The friendly face of meson: `make` builds build/weir, `make check` tests it, `make demo` shows it.
B ?= build

all: $(B)/build.ninja
	@ninja -C $(B)

$(B)/build.ninja:
	@meson setup $(B)

check:
	@script/test
demo:
	@script/demo
bench: all
	@bench/run
fuzz:
	@script/fuzz
install: all
	@meson install -C $(B)
clean:
	@rm -rf $(B)

.PHONY: all check demo bench fuzz install clean
