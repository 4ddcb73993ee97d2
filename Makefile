# Two commands do everything on a fresh Debian or Ubuntu machine:
#
#	make run              installs what is missing, builds Burble and opens it (MODEL=path opens a model)
#	make test             installs what is missing and runs all tests

GO      ?= go
MODEL   ?=
# What burble version says: the version of FyneApp.toml, and the commit.
VERSION := $(shell sed -n 's/^Version = "\(.*\)"/\1/p' FyneApp.toml) ($(shell git describe --always --abbrev=10 --dirty --exclude '*' 2>/dev/null || echo unknown))
# What is left out: HTTP/2, which app/network doesn't use, and Fyne's reading of FyneApp.toml beside the program.
TAGS    := nethttpomithttp2,no_metadata
LDFLAGS := -s -w -X "burble/app.Version=$(VERSION)"
# Without a display there is no window to open: the terminal chat needs neither X nor GL to build.
DISPLAYED := $(or $(DISPLAY),$(WAYLAND_DISPLAY))

.PHONY: run test build nogui setup setup-nogui vet race window bench fresh clean

run:
ifneq ($(DISPLAYED),)
	@.ci/setup window
	@$(MAKE) --no-print-directory build
	./burble $(MODEL)
else
	@echo "No display (DISPLAY and WAYLAND_DISPLAY are empty): opening the terminal chat."
	@.ci/setup nogui
	@$(MAKE) --no-print-directory nogui
	./burble chat $(if $(MODEL),-m $(MODEL))
endif

build: ## the whole application
	$(GO) build -tags $(TAGS) -ldflags '$(LDFLAGS)' -o burble .

nogui: ## the terminal commands alone, for headless machines
	$(GO) build -tags nogui,$(TAGS) -ldflags '$(LDFLAGS)' -o burble .

test: setup
	$(GO) test -timeout 15m ./...

vet: setup
	$(GO) vet ./...
	$(GO) vet -tags nogui ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

# Fyne's tag ci takes its software driver, so that OpenGL isn't compiled a second time, for the race detector.
race: setup ## everything but the C kernels, which the race detector can't see into
	$(GO) test -race -short -tags ci -timeout 15m $$($(GO) list ./... | grep -Ev '^burble$$|/compute/cpu$$')

window: setup ## drives the real window under Xvfb
	@$(MAKE) --no-print-directory build
	.ci/window.sh
	.ci/window-chats.sh
	.ci/flows.sh

bench: ## figures for docs/performance.md
	$(GO) test -run '^$$' -bench . ./inference/... ./ui/...

fresh: ## the two commands of the README, in a clean Debian chroot
	.ci/fresh

setup:
	@.ci/setup test

include assets/package/package.mk

clean:
	rm -rf burble burble.exe dist
