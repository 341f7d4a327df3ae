# The names of what is done often. Nothing here is needed to build: go build ./cmd/tos-sim.

.PHONY: check test bench golden ci

check:     ## the checks that need nothing from outside
	.ci/run fast

test:      ## as the README says
	go test ./...

bench:     ## every benchmark, once; compare runs with benchstat
	go test -run '^$$' -bench . -benchtime 200ms ./...

golden:    ## rewrite the golden files with what the tests got; read the difference before you commit
	go test $$(go list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./... | awk '/ tensoros\/internal\/golden/ {print $$1}') -update

ci:        ## all checks
	.ci/run
