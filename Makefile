# make demo        from nothing to a running site, and back, on this machine
# make test        format, lints, all tests
# make lab         the image of the test hosts, where it is missing (the tests build it too)
# make plone       a real Plone on test hosts, which takes minutes
# make chaos       random faults on three test hosts, round after round (ROUNDS=200, SEED=...)
# make fuzz        libFuzzer on everything that reads foreign bytes (TARGETS="wheel answer", SECONDS=60 each)
# make bench       how fast it is, beside git, ssh, pip, buildout, and others who deploy (BENCH="ledger eggs": only these)
# make build       the binary and its man page, in target/release
# make install     puts both where git finds them (PREFIX=/usr/local)
# make uninstall   takes them away again
# make setup       the Debian packages that build and demo need
# make setup-tests those that all the others need

PREFIX ?= /usr/local
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/git-hostout
PAGE := $(TARGET)/release/git-hostout.1
INSTALLED_BINARY = $(DESTDIR)$(PREFIX)/bin/git-hostout
INSTALLED_PAGE = $(DESTDIR)$(PREFIX)/share/man/man1/git-hostout.1

# to build: a C compiler and OpenSSL for ssh2; to run: git, ssh, python3 with venv; to show it: curl
PACKAGES := build-essential ca-certificates curl git libssl-dev make openssh-client pkg-config python3 python3-venv

# to test: sshd and passwords for it, gpg, pip, Python.h, kill, crontab, shellcheck, busybox, zsh, fish, tcsh, PostgreSQL,
# and for hosts in namespaces mmdebstrap, iproute2, util-linux, and uidmap where they are not run by root
TESTERS := busybox cron debian-archive-keyring fish gnupg iproute2 libpam-wrapper mmdebstrap openssh-server postgresql \
           procps python3-dev python3-pip shellcheck tcsh uidmap util-linux zsh

# for benchmarks only: who else deploys (Ansible comes from the package index), and what they need for keys as ours
RIVALS := capistrano rsync ruby-bcrypt-pbkdf ruby-ed25519

.PHONY: demo test lab plone chaos fuzz bench build install uninstall setup setup-tests toolchain
.NOTPARALLEL:
.DELETE_ON_ERROR:

demo: toolchain setup build
	PATH="$(dir $(abspath $(BINARY))):$$PATH" bash fixtures/demo.sh

# Tests wait for services more than they work, so that more of them than there are processors get on together. What they
# make and remove is in memory where there is enough of it: a file system on a disk takes a third of their time.
MEMORY = $(shell findmnt --first-only --noheadings --bytes --output FSTYPE,OPTIONS,AVAIL /dev/shm | \
	awk '$$1 == "tmpfs" && $$2 !~ /noexec/ && $$3 > 6e9 { print "/dev/shm" }')
test: export RUST_TEST_THREADS ?= 4
test: export TMPDIR := $(or $(TMPDIR),$(MEMORY),/tmp)
test: toolchain setup-tests
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --lib --bins --test main
	cargo test --locked --test fuzz
	cargo test --locked --doc
	python3 tests/agent/run.py
	cargo test --locked --test lab

lab: setup-tests
	@bash tests/lab/image.sh

plone: export HOSTOUT_TEST_PLONE = 1
plone: toolchain setup-tests
	cargo test --locked --test lab -- plone::

chaos: export HOSTOUT_TEST_CHAOS = $(or $(ROUNDS),200)
chaos: export HOSTOUT_TEST_SEED = $(or $(SEED),$(shell date +%s))
chaos: toolchain setup-tests
	cargo test --locked --test lab -- chaos::

# Coverage as libFuzzer wants it, which stable compilers give too; build scripts go without it below `--target`.
FUZZ_FLAGS := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-pc-table \
              -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-trace-compares
fuzz: toolchain setup-tests
	@bash tests/fuzz/run.sh '$(FUZZ_FLAGS)' '$(or $(SECONDS),60)' $(TARGETS)

bench: toolchain setup-tests
	@bash fixtures/setup.sh $(RIVALS) || echo "Not all of these can be installed here: $(RIVALS)" >&2
	cargo bench --locked --bench bench -- $(BENCH)

build: $(PAGE)

# The binary is built only when a source is newer, so that `sudo make install` needs no toolchain after `make build`.
$(BINARY): Cargo.toml Cargo.lock $(shell find src -type f)
	@bash fixtures/toolchain.sh
	cargo build --release --locked
	@touch $@

$(PAGE): $(BINARY)
	$(BINARY) man > $@

install: $(BINARY) $(PAGE)
	install -D -m 755 $(BINARY) $(INSTALLED_BINARY)
	install -D -m 644 $(PAGE) $(INSTALLED_PAGE)

uninstall:
	rm -f $(INSTALLED_BINARY) $(INSTALLED_PAGE)

setup:
	@bash fixtures/setup.sh $(PACKAGES)

setup-tests:
	@bash fixtures/setup.sh $(PACKAGES) $(TESTERS)

toolchain:
	@bash fixtures/toolchain.sh
