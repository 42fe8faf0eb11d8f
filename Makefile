# make demo      from nothing to a running site, and back, on this machine
# make test      format, lints, all tests
# make bench     how fast it is, beside git, ssh, pip and buildout (BENCH="ledger eggs": only these)
# make install   the binary and its man page, where git finds them (PREFIX=/usr/local)
# make setup     the Debian packages that the others need

PREFIX ?= /usr/local
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/git-hostout

# to build: a C compiler and OpenSSL for ssh2; to run: git, ssh, python3 with venv; to test: a server, gpg, crontab
PACKAGES := build-essential ca-certificates cron curl git gnupg libssl-dev make openssh-client openssh-server \
            pkg-config python3 python3-venv

.PHONY: demo test bench install setup build

demo: setup build
	PATH="$(dir $(abspath $(BINARY))):$$PATH" bash fixtures/demo.sh

test: setup
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked
	@if [ -d tests/agent ]; then python3 -m unittest discover -s tests/agent; fi
	@echo "All tests passed."

bench: setup
	cargo bench --locked --bench bench -- $(BENCH)

install: build
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/git-hostout
	$(BINARY) man > $(TARGET)/git-hostout.1
	install -D -m 644 $(TARGET)/git-hostout.1 $(DESTDIR)$(PREFIX)/share/man/man1/git-hostout.1

build:
	cargo build --release --locked

setup:
	@bash fixtures/setup.sh $(PACKAGES)
