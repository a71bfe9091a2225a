# Everything here works on a fresh machine that has Go, a C compiler (for the
# race detector) and, for the client tests, node and the AWS CLI.

GO      ?= go
LINT     = $(GO) tool -modfile=tools/go.mod golangci-lint
CLIENTS  = test/clients

.PHONY: parity replay demo test lint size figures bench bench-peers clients short campaign help

demo: ## the story of the project, end to end, on an embedded node
	CGO_ENABLED=0 $(GO) run ./cmd/tablecast demo

test: clients lint size ## everything that must hold before a change lands
	$(GO) test -race -count=1 -timeout 14m ./...
	$(GO) test -count=1 -run TestPlanted ./internal/history -plants
	$(GO) test -count=1 -run TestHistories ./remote/streams

CYCLES    ?= 2000
POWER     ?= 10000
HISTORIES ?= 20000

campaign: ## hours of kills, power losses and simulated histories; CYCLES=N POWER=N HISTORIES=N
	$(GO) test -count=1 -timeout 0 -run TestKill ./internal/history -cycles $(CYCLES)
	$(GO) test -count=1 -timeout 0 -run TestPowerLoss ./internal/history -power $(POWER)
	$(GO) test -count=1 -timeout 0 -run TestHistories ./remote/streams -histories $(HISTORIES)

size: ## the program's size, plain and stripped, against what it may be
	./test/size

figures: size ## the shape of the code: files, functions, names, comments, what stands twice, sizes
	$(GO) test -count=1 -v -run TestFigures ./internal/lint -names

short: ## the unit tests alone
	$(GO) test -race -short ./...

lint: ## static checks
	$(LINT) run ./...

SEEDS ?= 300

parity: clients ## many requests, the same to dynoxide, dynalite and moto; SEEDS=N
	$(GO) test -count=1 -timeout 60m ./internal/parity -seeds $(SEEDS)

REPLAY ?= 1000000

replay: ## a replay with a kill -9 in the middle; REPLAY=N events
	$(GO) test -count=1 -timeout 60m -v -run TestReplayKilled ./internal/history -replay $(REPLAY)

bench: ## figures against floors measured in the same run
	$(GO) run ./bench

bench-peers: clients ## the same requests to other servers that speak DynamoDB
	$(GO) run ./bench -peers test/peers/node_modules -time 6s

clients: ## what the client tests need besides Go
	./test/install

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
