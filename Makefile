# Everything a newcomer needs: `make demo` runs the main job on the embedded emulator,
# `make test` passes the tests. Both do all their own set-up.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
BIN     := bin
GOBIN   := $(CURDIR)/.cache/bin
LINT    := $(GOBIN)/golangci-lint-v2.15.0
GOFUMPT := $(GOBIN)/gofumpt-v0.12.0
VULN    := $(GOBIN)/govulncheck-v1.1.4
FUZZTIME ?= 10m

export CGO_ENABLED ?= 0

.PHONY: build demo test race check lint vuln tidy cross bench fuzz needs docs clean

build: ## the program, in bin/
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/kvsclip ./cmd/kvsclip

demo: build ## a clip longer than GetClip can give, off the embedded emulator, checked
	./$(BIN)/kvsclip demo --force -o $(BIN)/demo.mp4

test: needs ## all tests; installs what they need
	go vet ./...
	go test -timeout 30m ./...

race: needs ## all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -timeout 60m ./...

needs: ## ffmpeg, the AWS CLI, boto3, curl, openssl and Chromium, from Debian's packages when missing
	./scripts/needs.sh

check: lint tidy cross vuln ## format, lint, modules, all platforms, known vulnerabilities

lint: $(LINT) $(GOFUMPT)
	@test -z "$$($(GOFUMPT) -l $$(git ls-files '*.go'))" || { echo 'gofumpt would change:'; $(GOFUMPT) -l $$(git ls-files '*.go'); exit 1; }
	$(LINT) run ./...

tidy:
	go mod verify
	go mod tidy -diff

cross: ## linux, darwin and windows on amd64 and arm64, without cgo
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
		echo "building for $$os/$$arch"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/$$os-$$arch/ ./cmd/kvsclip || exit 1; \
	done; done

vuln: $(VULN)
	./scripts/vuln.sh $(VULN)

bench: needs build ## long measurements with peers beside them
	./scripts/bench.sh

docs: needs build ## what README.md and docs/ show, from the program itself
	./scripts/docs.sh $(BIN)/kvsclip

fuzz: ## every fuzz target, FUZZTIME each
	./scripts/fuzz.sh $(FUZZTIME)

$(LINT):
	GOBIN=$(GOBIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(GOBIN)/golangci-lint $@

$(GOFUMPT):
	GOBIN=$(GOBIN) go install mvdan.cc/gofumpt@v0.12.0
	mv $(GOBIN)/gofumpt $@

$(VULN):
	GOBIN=$(GOBIN) go install golang.org/x/vuln/cmd/govulncheck@v1.1.4
	mv $(GOBIN)/govulncheck $@

clean:
	rm -rf $(BIN) .cache
