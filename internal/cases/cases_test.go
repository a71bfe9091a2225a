package cases_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/config"
	"github.com/tablecast/tablecast/internal/cases"
)

const file = `
mapping: { envelope: metadata }
tables:
  users: { key: id, ttl: ends }
events:
  UserCreated: { from: users, on: insert, detail: { id: "${new.id}", n: "${new.n}" } }
  UserChanged: { from: users, changed: n, if: "new.n > 1", detail: { n: "${new.n}" } }
  UserEnded: { from: users, on: expire, envelope: bare, detail: { id: "${keys.id}" } }
tests:
  holds:
    before: { put: users, item: { id: u1, n: 1 } }
    given:
      - { put: users, item: { id: u1, n: 2 } }
      - { change: users, new: { id: u2, n: 1.0 } }
      - { change: users, old: { id: u3, n: 1 } }
      - { put: users, item: { dynamodb: { id: { S: u4 } } } }
      - { expire: users, key: { id: u1 } }
    expect:
      - UserChanged
      - UserCreated: { n: 1, id: u2 }
      - fails: new.n is absent
      - { event: UserEnded, match: { source: [tablecast.users], detail: { id: [u1] } } }
  another detail:
    given: { put: users, item: { id: u1, n: 1 } }
    expect: [ UserCreated: { id: u1, n: 2, more: true } ]
  another event:
    given: { put: users, item: { id: u1, n: 1 } }
    expect: [ UserEnded ]
  too few and too many:
    given: [ { put: users, item: { id: u1, n: 1 } }, { put: users, item: { id: u2, n: 1 } } ]
    expect: [ UserCreated ]
  missing:
    given: { put: users, item: { id: u1, n: 1 } }
    expect: [ UserCreated, UserChanged: { n: 1 } ]
  no failure:
    given: { put: users, item: { id: u1, n: 1 } }
    expect: [ fails: x ]
  no match:
    given: { put: users, item: { id: u1, n: 1 } }
    expect: [ { event: UserCreated, match: { source: [other] } } ]
  a bad write:
    given: { put: users, item: { n: 1 } }
    expect: []
`

func TestRun(t *testing.T) {
	f, err := config.Parse("tablecast.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	results, cover, err := cases.Run(t.Context(), f, f.Cases, "000000000000", "us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"",
		"UserCreated has another detail (- expected, + got):\n  {\n    \"id\": \"u1\",\n-   \"more\": true,\n-   \"n\": 2\n+   \"n\": 1\n  }",
		"expected UserEnded\ngot UserCreated {\"metadata\"",
		"not expected: UserCreated {\"metadata\"",
		`missing: UserChanged {"n":1}`,
		"expected a change that fails with x\ngot UserCreated",
		"UserCreated does not match: source: wanted \"other\"",
		"put users: ",
	} {
		got := strings.Join(results[i].Problems, "\n")
		if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("%s:\n got %s\nwant %s", results[i].Case.Name, got, want)
		}
	}
	if gaps := strings.Join(cover.Gaps(), "; "); gaps != "UserChanged: no test in which if alone keeps it from being raised" &&
		gaps != "UserChanged: no test in which changed alone keeps it from being raised; UserChanged: no test in which if alone keeps it from being raised" {
		t.Error(gaps)
	}
	var junit bytes.Buffer
	if err := cases.WriteJUnit(&junit, "tablecast.yaml", results[:2]); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<testsuite name="tablecast.yaml" tests="2" failures="1">`, `<testcase name="holds" classname="tablecast.yaml" file="tablecast.yaml" line="10"`, `<failure message="UserCreated has another detail (- expected, + got):">`} {
		if !strings.Contains(junit.String(), want) {
			t.Errorf("%s lacks %s", junit.String(), want)
		}
	}
}
