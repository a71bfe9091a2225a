# Everything here works on a fresh machine that has Go, a C compiler (for the
# race detector) and, for the client tests, node and the AWS CLI.

GO      ?= go
LINT     = $(GO) tool -modfile=tools/go.mod golangci-lint
CLIENTS  = test/clients

.PHONY: parity demo test lint size figures bench bench-peers clients short help vulncheck sbom planted \
	campaign-kill campaign-histories campaign-linear campaign-power campaign-workers campaign-replay campaign-fuzz campaign-weather campaign-hostile campaign-soak \
	campaign-kill-power campaign-faults campaign-full-disk campaign-corrupt campaign-folder

demo: ## the story of the project, end to end, on an embedded node
	CGO_ENABLED=0 $(GO) run ./cmd/tablecast demo

test: clients lint size ## everything that must hold before a change lands
	$(GO) test -race -count=1 -timeout 14m ./...
	$(GO) test -count=1 -run TestPlanted ./internal/history -plants '[dg]*'
	$(GO) test -count=1 -run TestHistories ./remote/streams
	$(GO) test -count=1 -run TestPowerLoss ./internal/history -length 10000

# A campaign is a test that can run for hours. N is its length in its own unit, and
# SEED replays one; each has a short form in `make test`. docs/reliability.md says
# what was run.
CAMPAIGN  = $(GO) test -count=1 -timeout 0 -v -run '^$(1)$$' $(2) -length $(or $(N),$(3)) -seed $(or $(SEED),0)

campaign-kill: ## N kills -9 of the real binary
	$(call CAMPAIGN,TestKill,./internal/history,10000)

campaign-histories: ## N histories of random users of a whole node, against a model
	$(call CAMPAIGN,TestHistories,./internal/history,20000)

campaign-linear: ## N histories of 50,000 operations that Porcupine explains
	$(call CAMPAIGN,TestLinearizable,./internal/history,1000)

campaign-kill-power: ## N power losses of a build of the real binary that keeps in memory what it did not sync
	$(call CAMPAIGN,TestKillPower,./internal/history,2000)

campaign-faults: ## N failing operations of the file system, each of them if N is large
	$(call CAMPAIGN,Test(Store|Node)Faults,./internal/history,1000000)

campaign-full-disk: ## N fillings of a real file system under a node; needs root
	$(call CAMPAIGN,TestFullDisk,./internal/history,100)

campaign-corrupt: ## N flipped bits of a folder with everything in it
	$(call CAMPAIGN,TestCorrupt,./internal/history,10000)

campaign-folder: ## N mishaps of one file each of a folder that the real binary wrote, and opens
	$(call CAMPAIGN,TestFolderMishaps,./internal/acceptance,1000)

campaign-power: ## N simulated power losses under a whole node
	$(call CAMPAIGN,TestPowerLoss,./internal/history,1000000)

campaign-workers: ## N simulated histories of workers that share the shards of a stream
	$(call CAMPAIGN,TestHistories,./remote/streams,20000)

campaign-replay: ## a replay of N events with a kill -9 in the middle
	$(call CAMPAIGN,TestReplayKilled,./internal/history,1000000)

campaign-fuzz: ## each fuzz target for N seconds
	$(call CAMPAIGN,TestFuzz,./internal/hostile,600)

campaign-weather: ## N simulated hours of outages, kills and changes of rules
	$(call CAMPAIGN,TestWeather,./internal/weather,1000000)

campaign-hostile: ## N bad requests to the real binary, open and closed
	$(call CAMPAIGN,TestClients,./internal/hostile,1000000)

campaign-soak: ## N minutes of the real binary under load
	$(call CAMPAIGN,TestSoak,./internal/soak,60)

planted: ## plant each bug of internal/history/testdata/planted and see it caught
	$(GO) test -count=1 -timeout 0 -v -run TestPlanted ./internal/history -plants '$(or $(BUG),*)'

size: ## the program's size, plain and stripped, against what it may be
	./test/size

figures: size ## the shape of the code: files, functions, names, comments, what stands twice, sizes
	$(GO) test -count=1 -v -run TestFigures ./internal/lint -names

short: ## the unit tests alone
	$(GO) test -race -short ./...

lint: ## static checks
	$(LINT) run ./...

SEEDS ?= 300

parity: clients ## many requests, the same to dynoxide, dynalite and moto, and how often each family of them; SEEDS=N
	$(GO) test -count=1 -v -timeout 60m ./internal/parity -seeds $(SEEDS)

bench: ## figures against floors measured in the same run
	$(GO) run ./bench

bench-peers: clients ## the same requests to other servers that speak DynamoDB
	$(GO) run ./bench -peers test/peers/node_modules -time 6s

vulncheck: ## known vulnerabilities of what the program calls; says when it cannot look
	./test/vulncheck

sbom: ## the modules in the program, as CycloneDX in dist/; says when it cannot write them
	./test/sbom

clients: ## what the client tests need besides Go
	./test/install

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
