package bus

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/event"
)

// Whatever the transformer and the event, what a JSON template makes is JSON, and
// what a target is sent stays in proportion to what was given.
func FuzzTransformer(f *testing.F) {
	f.Add(`{"id": <id>, "text": "is <id>", "all": <aws.events.event.json>}`, "id", "$.detail.id", `{"id":"a\"b"}`)
	f.Add(`"plain <v> of <aws.events.rule-name>"`, "v", "$.detail.list[*].x", `{"list":[{"x":1},{"x":[2]},{}]}`)
	f.Add(` [<v>, "\"<v>\\"]`, "v", "$['detail']", `{}`)
	f.Fuzz(func(t *testing.T, src, name, at, detail string) {
		if !jsontext.Value(detail).IsValid() || len(src)+len(detail) > 1<<12 {
			return
		}
		target := Target{ID: "t", Template: src, Paths: map[string]string{name: at}}
		fill, err := target.body("arn:aws:events:us-east-1:000000000000:rule/r", "r")
		if err != nil || fill == nil {
			return
		}
		e := &event.Event{ID: "1", Source: "s", DetailType: "d", Detail: []byte(detail), Time: time.Unix(0, 0)}
		out, err := fill(e)
		if err != nil {
			return
		}
		tpl, err := parseTemplate("t", src, map[string]path{name: nil})
		if err == nil && tpl.json && !jsontext.Value(out).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Errorf("%q makes %q", src, out)
		}
		if most := (len(src) + 1) * (len(detail) + 1<<10); len(out) > most {
			t.Errorf("%d bytes of template and %d of detail make %d", len(src), len(detail), len(out))
		}
	})
}

// Whatever the path and the document, what it finds is JSON no larger than the
// document.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"$", "$.a", "$['a b'][0].*", `$["x"][*]`, "$.a[99999999999]", "$."} {
		f.Add(p, `{"a":{"b":[1,"x",null]},"a b":[[{}]],"a":[1]}`)
	}
	f.Fuzz(func(t *testing.T, src, doc string) {
		p, err := parsePath(src)
		if err != nil || !jsontext.Value(doc).IsValid(jsontext.AllowDuplicateNames(true)) {
			return
		}
		v, ok := p.find([]byte(doc))
		if ok && (!v.IsValid(jsontext.AllowDuplicateNames(true)) || len(v) > len(doc)+2) {
			t.Errorf("%s of %s is %s", src, doc, v)
		}
	})
}

// A segment that is read is the one that was written, and no other form is read.
func FuzzSegment(f *testing.F) {
	f.Add(uint64(1), (&segment{first: 1, last: 9, count: 3, bytes: 700, from: -5, to: 5, closedAt: 2}).encode())
	f.Add(uint64(9), []byte{segmentForm})
	f.Fuzz(func(t *testing.T, first uint64, b []byte) {
		s, err := decodeSegment("a", binary.BigEndian.AppendUint64(nil, first), b)
		if err != nil {
			return
		}
		again, err := decodeSegment("a", binary.BigEndian.AppendUint64(nil, first), s.encode())
		if err != nil || *again != *s {
			t.Errorf("%+v came back as %+v: %v", s, again, err)
		}
	})
}
