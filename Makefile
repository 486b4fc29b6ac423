# Fulmen. `make build` puts commands into bin/, daemons and built-in plugins into libexec/.

GO      ?= go
SEEDS   ?= 5000
BENCH   ?= all
FUZZTIME ?= 20s
PREFIX  ?= /usr/local
DESTDIR ?=

# lightningd and the plugin backup open the database, the plugin sql has one in memory: they alone are linked with C.
COMMANDS = lightning-cli lightning-hsmtool
DAEMONS  = hsmd connectd gossipd channeld onchaind
PLUGINS  = autoclean bcli bookkeeper pay topology
# Those with SQLite.
DATABASE_PLUGINS = backup sql

GOBUILD = $(GO) build -trimpath -ldflags="-s -w"

.PHONY: build test test-crash test-funding test-plugins test-onchain test-backup test-network test-confinement test-options test-clients contract sim sim-onchain bench demo interop interop-smoke lint fuzz fuzz-hostile check-profiles gen check-gen install clean

build:
	@mkdir -p bin libexec/plugins
	@CGO_ENABLED=1 $(GOBUILD) -o bin/ ./cmd/lightningd
	@CGO_ENABLED=0 $(GOBUILD) -o bin/ $(COMMANDS:%=./cmd/%)
	@CGO_ENABLED=0 $(GOBUILD) -o libexec/ $(DAEMONS:%=./cmd/%)
	@CGO_ENABLED=0 $(GOBUILD) -o libexec/plugins/ $(PLUGINS:%=./plugins/%)
	@CGO_ENABLED=1 $(GOBUILD) -o libexec/plugins/ $(DATABASE_PLUGINS:%=./plugins/%)

# The race detector runs where the logic is; the tests over real processes run without it, and, as they mostly wait for
# processes, more at once than there are cores.
test: build lint
	$(GO) test -race -timeout 30m ./internal/... ./tools/...
	$(GO) test -timeout 20m -parallel 4 ./cmd/... ./plugins/... ./tests/... ./internal/onchain

# 300 payments both ways while every process in turn is killed.
test-crash: build
	$(GO) test -count=1 -timeout 30m -v -run TestCrash ./tests/crash -args -payments 300

# Channels funded by us or by others, and the node killed at each step of it.
test-funding: build
	$(GO) test -count=1 -timeout 20m -v ./tests/funding -args -stride 1

# Channels closed in every way that BOLT 5 knows, on a real chain, to the last satoshi.
test-onchain: build
	$(GO) test -count=1 -timeout 60m -parallel 4 -v ./tests/onchain

# Disks destroyed, nodes restored from what is left elsewhere.
test-backup: build
	$(GO) test -count=1 -timeout 20m -v ./tests/backup

# Nodes that forward for each other, and a graph as large as the public one.
test-network: build
	$(GO) test -count=1 -timeout 30m -v ./tests/network -args -nodes 16000 -channels 45000

# Each daemon is taken over and tries everything that it must not be able to: one table.
test-confinement:
	$(GO) test -count=1 -timeout 10m -v ./tests/confinement

# Plugins in Python on real daemons: every hook and notification, and plugins that are slow, die or lie.
test-plugins: build
	$(GO) test -count=1 -timeout 20m -v ./tests/plugins

# Nodes that start with each option that public harnesses and operators' scripts pass.
test-options: build
	$(GO) test -count=1 -timeout 20m -v ./tests/options

# What others wrote against the published RPC, from npm's registry, on real nodes. It needs node and npm.
test-clients: build
	$(GO) test -count=1 -timeout 20m -tags clients -v ./tests/clients

# A line for each published command: implemented and valid, or missing.
contract:
	$(GO) test -count=1 -run 'TestContract$$' ./cmd/lightningd -v | grep -v -e '^=== ' -e '^ *--- PASS'

# Two channel cores, every message delayed, dropped or cut off by a crash, from printed seeds.
sim:
	$(GO) test -count=1 -timeout 60m -v -run 'TestSim$$|TestMiddle$$' ./tests/sim -args -seeds $(SEEDS)

# What a channel's end is worth: random histories, commitments and miners, from printed seeds. SEEDS is
# for each of 12 pairs of commitment type and side.
sim-onchain: SEEDS = 300
sim-onchain:
	$(GO) test -count=1 -timeout 60m -v -run 'TestBOLT5Property$$' ./internal/onchain -args -seeds $(SEEDS)

# One JSON line a figure; BENCH=name runs one.
bench: build
	@$(GO) run ./tests/bench -only $(BENCH)

# A node in action on regtest; KEEP=1 leaves it running.
demo: build
	@$(GO) run ./tests/demo $(if $(KEEP),-keep)

# The real daemons against nodes that others wrote; builds lnd the first time, which takes minutes. CGO_ENABLED and
# -trimpath are as in that build, so that what both need is compiled once.
interop: build
	cd tests/interop && CGO_ENABLED=0 FULMEN_BIN=$(CURDIR)/bin $(GO) test -trimpath -count=1 -timeout 60m -parallel 4

# The few cases that say soon whether our node and lnd understand each other at all. On a slow machine with empty caches,
# most of the time that it may take goes into building lnd.
interop-smoke: build
	cd tests/interop && CGO_ENABLED=0 FULMEN_BIN=$(CURDIR)/bin $(GO) test -trimpath -count=1 -timeout 40m -parallel 4 -args -smoke -peers lnd

lint:
	@out=$$(gofmt -l cmd internal plugins tests tools); test -z "$$out" || { echo "gofmt would change: $$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags hostile ./internal/daemon
	$(GO) vet -tags clients ./tests/clients
	$(GO) tool staticcheck ./...

# AppArmor, SELinux and systemd files, by their own tools: names the packages that are missing, and
# prints what systemd makes of the unit.
check-profiles:
	$(GO) vet -tags profiles ./tests/profiles
	$(GO) test -count=1 -tags profiles -v ./tests/profiles

# Every fuzz target for FUZZTIME.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$pkg || exit 1; \
	  done; \
	done

# Every process against hostile neighbours and callers, one target after the other. FUZZTIME is for each.
fuzz-hostile: FUZZTIME = 10m
fuzz-hostile:
	@for pkg in ./cmd/lightningd ./cmd/hsmd ./cmd/channeld ./cmd/connectd ./cmd/gossipd ./cmd/onchaind; do \
	  for target in $$($(GO) test -list '^FuzzHostile' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x -parallel 1 -timeout 0 $$pkg || exit 1; \
	  done; \
	done

gen:
	$(GO) generate ./...

check-gen: gen
	git diff --exit-code

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/fulmen/plugins $(DESTDIR)$(PREFIX)/share/doc/fulmen/man
	install -m 755 bin/lightningd $(COMMANDS:%=bin/%) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 README.md docs/*.md $(DESTDIR)$(PREFIX)/share/doc/fulmen/
	install -m 644 docs/man/*.md $(DESTDIR)$(PREFIX)/share/doc/fulmen/man/
	install -m 755 $(DAEMONS:%=libexec/%) $(DESTDIR)$(PREFIX)/libexec/fulmen/
	install -m 755 $(PLUGINS:%=libexec/plugins/%) $(DATABASE_PLUGINS:%=libexec/plugins/%) $(DESTDIR)$(PREFIX)/libexec/fulmen/plugins/

clean:
	rm -rf bin libexec .build
