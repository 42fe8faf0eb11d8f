# make demo      from nothing to a running site, and back, on this machine
# make test      format, lints, all tests
# make lab       the image of the test hosts, where it is missing (the tests build it too)
# make bench     how fast it is, beside git, ssh, pip and buildout (BENCH="ledger eggs": only these)
# make install   the binary and its man page, where git finds them (PREFIX=/usr/local)
# make setup     the Debian packages that the others need

PREFIX ?= /usr/local
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/git-hostout

# to build: a C compiler and OpenSSL for ssh2; to run: git, ssh, python3 with venv; to test: a server, gpg, and for
# hosts in namespaces mmdebstrap, iproute2, util-linux
PACKAGES := build-essential ca-certificates curl debian-archive-keyring git gnupg iproute2 libssl-dev make mmdebstrap \
            openssh-client openssh-server pkg-config python3 python3-venv util-linux

.PHONY: demo test lab bench install setup build

demo: setup build
	PATH="$(dir $(abspath $(BINARY))):$$PATH" bash fixtures/demo.sh

test: setup
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --lib --bins --test main
	cargo test --locked --doc
	@if [ -d tests/agent ]; then python3 -m unittest discover -s tests/agent; fi
	cargo test --locked --test lab

lab: setup
	@bash tests/lab/image.sh

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
