// Package config reads tablecast.yaml: tables, what their changes mean, who hears
// of it, and the functions that do. It reports every fault of a file at once, each with its place
// and what to write instead, and turns a good file into the domain's own types.
//
//	version: 1
//	source: PLACE, bus: PLACE
//	  PLACE: embedded|aws|URL
//	cors: [ ORIGIN, … ]
//	tables:
//	  NAME: { key: ATTRIBUTE[, ATTRIBUTE] | { ATTRIBUTE: S|N|B, … }, stream: VIEW }
//	  indexes of a table: { NAME: { key: … | partition: ATTRIBUTES, sort: ATTRIBUTES, project: all|keys|[ ATTRIBUTE, … ], local: BOOL } }
//	    ATTRIBUTES: ATTRIBUTE[, ATTRIBUTE …] | { ATTRIBUTE: S|N|B, … }; also ttl: ATTRIBUTE,
//	  expire-by-ttl: BOOL, entities: { NAME: { ATTRIBUTE: FORM, … }, … }, attributes: PATHS
//	buses: [ NAME, … ]
//	streams: { shards: N, retention: DURATION, rotate: DURATION, split-above: N, keep-unread: BOOL }
//	put-events: { missing-bus: accept|refuse, deduplication: DURATION, max-size: 256KB|1MB }
//	quotas: { buses: N, rules: N, targets: N }
//	archives:
//	  NAME: { bus: BUS, pattern: PATTERN, description: TEXT, retention-days: N }
//	connections:
//	  NAME: { basic: { username: TEXT, password: SECRET } | api-key: { name: TEXT, value: SECRET } |
//	          oauth: { token-url: URL, method: POST|GET|PUT, client-id: TEXT, client-secret: SECRET, PARAMETERS }, PARAMETERS }
//	    PARAMETERS: header|query|body: { NAME: TEXT, … }
//	    SECRET: a text that takes a part from the environment
//	api-destinations:
//	  NAME: { connection: NAME, endpoint: URL, method: METHOD, rate: N }
//	functions:
//	  NAME: { dir: PATH, handler: TEXT, binary: PATH, runtime: TEXT, env: { NAME: TEXT }, timeout: DURATION, memory: MIB, concurrency: N, from: TABLES | { TABLE: FEED, … } }
//	    FEED: { start: POSITION, batch: N, window: DURATION, parallel: N, retries: N, age: DURATION, bisect: BOOL, report-failures: BOOL, tumbling: DURATION,
//	            filter: PATTERN | [ PATTERN, … ], on-failure: DESTINATION, on-error: park|block|skip, enabled: BOOL }
//	mapping: { SHAPE, claim-check: { above: SIZE, store: URL } }
//	  SHAPE: envelope: bare|metadata|cloudevents, numbers: exact|text, correlation: PATH, causation: PATH
//	outbox:
//	  TABLE: { entity: NAME, source: PATH, detail-type: PATH, payload: PATH, group: PATH, time: PATH, after: delete|keep, bus: BUS, start: POSITION, SHAPE }
//	events:
//	  NAME: { from: TABLES, on: KINDS, entity: NAME, changed: PATHS | { PATH: { from: VALUES, to: VALUES }, … }, added: PATHS, removed: PATHS,
//	          match: PATTERN, if: CEL, each: CEL, mapper: FUNCTION, source: TEXT, detail-type: TEXT, resources: [ TEMPLATE, … ], time: TEMPLATE, group: TEMPLATE,
//	          detail: TEMPLATE, schema: SCHEMA | FILE, bus: BUS, start: POSITION, SHAPE }
//	rules:
//	  NAME: { bus: BUS, pattern: PATTERN, schedule: SCHEDULE, state: STATE, description: TEXT, targets: [ TARGET, … ] }
//	    TARGET: { webhook: URL | function: NAME | log: NAME | command: [ARGV] | bus: BUS | sqs|sns|kinesis|state-machine|log-group: ARN | nats: URL | go: NAME |
//	              api-destination: NAME, header|query: { NAME: TEXT, … }, path: [ TEXT, … ], id: NAME, order: BOOL,
//	              input: JSON, input-path: PATH, input-transformer: { paths: { NAME: PATH, … }, template: TEXT },
//	              retry: { attempts: N, age: DURATION }, rate: N, concurrency: N, dead-letter: ARN }
//	tests:
//	  NAME: { before: STEPS, given: STEPS, expect: [ EVENT | EVENT: DETAIL | { event: NAME, detail: JSON, match: PATTERN } | { fails: TEXT }, … ] }
//	    STEP: { put: TABLE, item: ITEM } | { delete: TABLE, key: ITEM } | { expire: TABLE, key: ITEM } | { change: TABLE, old: ITEM, new: ITEM }
//	    ITEM: plain values, or { dynamodb: DynamoDB JSON }
//
// docs/mapping.md is the specification of the file, docs/tablecast.schema.json
// its JSON Schema.
//
// # Invariants
//
//  1. A file is good, or every one of its faults is reported, in the order of
//     their places. Only text that is not YAML is reported alone.
//  2. Reading touches nothing but the file, the schemas that it names and the
//     environment.
//  3. The same file and environment give the same result, ids of targets
//     included.
package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/mapping/schema"
	"github.com/tablecast/tablecast/table"
	"github.com/tablecast/tablecast/target/connection"
)

// A File is what tablecast.yaml declares, in the order in which it does.
type File struct {
	Path string
	Text []byte // as it was read
	// Version differs when what decides of events does.
	Version string
	// Account and Region are those of the node: what the file says, or else what
	// its reader was given, or else those of package internal/local.
	Account, Region string
	// Source and Bus say where the tables and the buses are: Embedded, AWS or
	// the URL of an endpoint.
	Source, Bus string
	CORS        []string // the origins of web pages that may call the node, see PageOrigin
	Tables      []table.Spec
	Buses       []string // the default bus is there without being named
	PutEvents   PutEvents
	Quotas      Quotas
	Archives    []bus.Archive
	// Connections and Destinations say how and where API destinations are called.
	Connections  []connection.Declaration
	Destinations []connection.Destination
	Streams      StreamSettings
	Functions    []process.Spec
	// FunctionsAt is the place of the first function: a fault without a message.
	FunctionsAt Fault
	// EventSources feed functions, in the order of the file.
	EventSources []EventSource
	Events       []mapping.Definition
	Rules        []bus.Rule
	// Entities, ExpireBy and Attributes are those of tables, by name: kinds of
	// items, the attribute by which removals are expiries, and what items are
	// declared to have.
	Entities   map[string][]mapping.Entity
	ExpireBy   map[string]string
	Attributes map[string][]mapping.Path
	ClaimCheck ClaimCheck
	Cases      []Case
	Schemas    map[string]*schema.Schema // by event
	// Files are the files that this one names, by the names that it gives them.
	Files map[string][]byte
	// Variables are the variables of the environment that this file names and that
	// are set. The value of one that only authorizes calls, or that only functions
	// get, is replaced by another text.
	Variables map[string]string

	uses []use
}

// A Fault is one mistake in a file. Lines and columns count from 1, columns in
// characters.
type Fault struct {
	Path         string
	Line, Column int
	Msg          string
	Fix          string // what to write instead
}

// String returns the fault as FILE:LINE:COLUMN: message; fix.
func (f Fault) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", f.Path, f.Line, f.Column, f.Msg)
	if f.Fix != "" {
		s += "; " + f.Fix
	}
	return s
}

// Faults are all mistakes of a file, in the order of their places.
type Faults []Fault

// Error lists the faults, one a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the faults in order, each once: what an alias repeats is one
// mistake.
func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(f)
}

// Mapping returns what is common to the definitions of a table, without the
// account and region.
func (f *File) Mapping(table string) mapping.Options {
	return mapping.Options{Version: f.Version, Entities: f.Entities[table], ExpireBy: f.ExpireBy[table]}
}
