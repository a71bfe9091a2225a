package config

import (
	"errors"
	"testing"
)

func TestGoodFile(t *testing.T) {
	f, err := Parse("tablecast.yaml", []byte(`
tables:
  users: { key: id, stream: new-image }
  lines:
    key: { pk: S, sk: N }
buses: [main]
events:
  UserCreated:
    from: users
    on: insert
    source: myapp.users
    bus: main
    detail: { id: "${new.id}", version: 1, tags: ["${new.tags[0]}", x] }
  LineChanged: { from: lines, on: [insert, modify], source: myapp.lines, start: trim-horizon }
rules:
  user-created:
    bus: main
    pattern: { source: [myapp.users], detail: { age: [ { numeric: [ ">=", 18 ] } ] } }
    targets:
      - webhook: http://127.0.0.1:9000/welcome
        retry: { attempts: 10, age: 1h }
        order: true
      - log: events
      - command: [cat, "-"]
        id: cat
`))
	if err != nil {
		t.Fatal(err)
	}
	r := f.Rules[0]
	if len(f.Tables) != 2 || f.Tables[1].View != "NEW_AND_OLD_IMAGES" || f.Tables[1].Schema.Range.Kind.String() != "N" ||
		!f.Events[1].FromHorizon || f.Events[0].Bus != "main" || *r.Targets[0].MaxRetries != 9 || !r.Targets[0].Ordered ||
		r.Targets[1].ARN != "log:events" || r.Targets[2].ID != "cat" || r.Targets[2].ARN != `command:["cat","-"]` {
		t.Errorf("%+v", f)
	}
	if want := `{"source":["myapp.users"],"detail":{"age":[{"numeric":[">=",18]}]}}`; r.Pattern != want {
		t.Errorf("pattern %s", r.Pattern)
	}
	if f, err := Parse("empty.yaml", nil); err != nil || len(f.Tables) != 0 {
		t.Errorf("an empty file: %v", err)
	}
}

func TestFaults(t *testing.T) {
	for src, want := range map[string]string{
		"tabels: {}":  `f:1:1: unknown key "tabels" in the file; did you mean "tables"?`,
		"tables: [a]": `f:1:9: tables must be a mapping; write one "name: …" a line`,
		"tables: { users: { stream: none, key: id } }":                                                            `f:1:28: stream of table users is "none"; write one of keys-only, new-image, old-image, new-and-old-images`,
		"tables: { users: {} }":                                                                                   `f:1:11: table users has no key; add key: id, or key: "pk, sk"`,
		"tables: { us: { key: id } }":                                                                             `f:1:11: "us" is no table name; use 3 to 255 letters, digits, _ . and -`,
		"tables: { users: { key: 5 } }":                                                                           `f:1:25: key of table users must be text; put it in quotes: "5"`,
		"tables: { users: { key: \"a, b, c\" } }":                                                                 `f:1:25: key of table users must name one or two attributes; write key: id, or key: "pk, sk"`,
		"tables:\n  users: { key: id }\n  users: { key: id }":                                                     `f:3:3: not valid YAML: mapping key "users" already defined at [2:3]`,
		"events: { E: { from: user, source: a } }\ntables: { users: { key: id } }":                                `f:1:22: event E is from table "user", which does not exist; did you mean "users"?`,
		"events: { E: { source: a } }":                                                                            `f:1:11: event E has no table; add from: and the name of a table`,
		"events: { E: { from: users } }\ntables: { users: { key: id } }":                                          `f:1:11: event E has no source; add source: and the name of the service, as in source: myapp.users`,
		"events: { E: { from: users, source: aws.x } }\ntables: { users: { key: id } }":                           `f:1:37: source "aws.x" begins with aws., which is reserved; use a name of your own, as in myapp.users`,
		"events: { E: { from: users, source: a, on: inserted } }\ntables: { users: { key: id } }":                 `f:1:44: on of event E is "inserted"; did you mean "insert"?`,
		"events: { E: { from: users, source: a, detail: { x: \"${nwe.id}\" } } }\ntables: { users: { key: id } }": `f:1:53: detail of event E: "nwe.id" is not an expression: nothing is called nwe; write new, old or keys and a path, as in new.address.city, old.tags[0] or keys["user-id"], or op or table; ${ itself is written $${`,
		"events: { E: { from: users, source: a, bus: main } }\ntables: { users: { key: id } }":                    `f:1:45: event E names bus "main", which is not declared; add it to buses, or use one of default`,
		"rules: { r: { targets: [] } }":                                                                           `f:1:10: rule r has no pattern; add pattern: as in pattern: { source: [myapp.users] }`,
		"rules: { r: { pattern: { source: x } } }":                                                                `f:1:24: pattern of rule r is not valid: "source" must be an object or an array at /source; docs/patterns.md tells the language`,
		"rules: { r: { pattern: { source: [x] }, targets: [ { webhook: \"ftp://x\" } ] } }":                       ``,
		"rules: { r: { pattern: { source: [x] }, targets: [ { log: a, webhook: \"http://x\" } ] } }":              `f:1:52: a target of rule r must be exactly one of webhook, log and command; write - webhook: URL, - log: NAME, or - command: [program, argument]`,
		"rules: { r: { pattern: { source: [x] }, targets: [ { log: a, retry: { age: 5s } } ] } }":                 `f:1:76: age of rule r must be from 1m to 24h; write it as 90s, 10m or 2h`,
		"version: 2": `f:1:10: version is 2; write version: 1`,
	} {
		_, err := Parse("f", []byte(src))
		if err == nil {
			t.Errorf("%s: no fault", src)
		} else if got := err.Error(); got != want && want != "" {
			t.Errorf("%s:\n got %s\nwant %s", src, got, want)
		}
	}
	_, err := Parse("f", []byte("tables:\n  a: { kye: id }\nevents:\n  E: { from: b }\n  - x\n"))
	if err == nil {
		t.Error("broken YAML was accepted")
	}
	_, err = Parse("f", []byte("tables:\n  users: { kye: id }\nrules:\n  r: { patern: {} }\n"))
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 4 {
		t.Errorf("all faults at once: %v", err)
	}
}
