# vae: variational autoencoders as Unix filters.
#
#   make            build everything into build/
#   make demo       install what is missing, build, and show the main job on real data
#   make check      install what is missing, build, and run all tests    SAN=address,undefined: with sanitizers
#   make bench      the figures of README.md, measured here
#   make soak       longer random tests and the fuzzers
#   make lint       layering, warnings as errors by gcc and clang, manuals, shell scripts
#   make install    to PREFIX (/usr/local) under DESTDIR; make uninstall
#   DEPS=0          never install packages (Debian; root or sudo)

PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
BUILD   ?= build
SAN     ?=
DEPS    ?= 1
CFLAGS  ?= -O3 -g

WARN := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef
# No contraction and no -ffast-math: a number must not depend on the compiler's mood.
override CFLAGS += -std=c11 -D_GNU_SOURCE -Iinclude -Ilib -pthread -fno-math-errno -ffp-contract=off $(WARN) \
                   $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
override LDFLAGS += -pthread $(if $(SAN),-fsanitize=$(SAN))
LDLIBS := -ljansson -lsleef -lnettle -lspng -lkissfft-float -lz -ldl -lm

O     := $(BUILD)$(if $(SAN),-san)
LIB   := $(O)/libvae.a
CMDS  := $(patsubst cmd/%.c,%,$(wildcard cmd/vae-*.c))
CLI_O := $(patsubst %.c,$(O)/%.o,$(wildcard cmd/cli*.c))
TESTS := $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/test_*.c))
BENCH := $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/bench/*.c))
FUZZ  := $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))
MAN   := $(wildcard man/*.[1-9])

BUILD_PKGS := gcc libc6-dev libjansson-dev libsleef-dev nettle-dev libspng-dev libstb-dev libsndfile1-dev libsamplerate0-dev \
              libkissfft-dev zlib1g-dev libopenblas0-pthread
DEMO_PKGS  := $(BUILD_PKGS) dataset-fashion-mnist
CHECK_PKGS := $(BUILD_PKGS) bats mandoc python3-numpy python3-scipy python3-sklearn sound-theme-freedesktop dataset-fashion-mnist
BENCH_PKGS := $(BUILD_PKGS) python3-numpy python3-scipy python3-sklearn python3-pandas python3-torch

all: $(LIB) $(CMDS:%=$(O)/bin/%)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
# the only files built for one instruction set; vmath.c runs them where the processor has it
ifneq ($(filter x86_64 amd64,$(shell uname -m)),)
$(O)/lib/base/vmath_avx2.o: override CFLAGS += -mavx2 -mfma
$(O)/lib/base/vmath_avx512f.o: override CFLAGS += -mavx512f
endif

$(LIB): $(patsubst %.c,$(O)/%.o,$(wildcard lib/*/*.c))
	@rm -f $@
	$(AR) rcs $@ $^
$(O)/bin/%: $(O)/cmd/%.o $(CLI_O) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/tests/fuzz/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/main.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/tests/%: $(O)/tests/%.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

deps-demo: PKGS = $(DEMO_PKGS)
deps-check: PKGS = $(CHECK_PKGS)
deps-bench: PKGS = $(BENCH_PKGS)
deps-demo deps-check deps-bench:
	@if [ "$(DEPS)" != 0 ]; then sh tests/deps.sh $(PKGS); fi

demo: deps-demo
	@$(MAKE) --no-print-directory -s -j2 all
	@BIN=$(O)/bin sh examples/demo.sh
check: deps-check
	@$(MAKE) --no-print-directory -s -j2 all $(TESTS) $(FUZZ)
	@O=$(O) BIN=$(CURDIR)/$(O)/bin CC="$(CC)" sh tests/run.sh
bench: deps-bench
	@$(MAKE) --no-print-directory -s -j2 all $(BENCH)
	@O=$(O) BIN=$(CURDIR)/$(O)/bin sh tests/bench/run.sh
soak: deps-check
	@$(MAKE) --no-print-directory -s -j2 all
	@sh tests/soak.sh
lint:
	@sh tests/lint/lint.sh

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include
	install -m 755 $(CMDS:%=$(O)/bin/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib
	install -m 644 include/vae.h $(DESTDIR)$(PREFIX)/include
	for m in $(MAN); do d=$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}; install -d $$d; install -m 644 $$m $$d; done
uninstall:
	rm -f $(CMDS:%=$(DESTDIR)$(PREFIX)/bin/%) $(DESTDIR)$(PREFIX)/lib/libvae.a $(DESTDIR)$(PREFIX)/include/vae.h
	for m in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done
clean:
	rm -rf build build-san
help:
	@sed -n 's/^#   //p' Makefile

-include $(shell find $(O) -name '*.d' 2>/dev/null)
.PHONY: all deps-demo deps-check deps-bench demo check bench soak lint install uninstall clean help
.SECONDARY:
