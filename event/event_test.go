package event

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sample() *Event {
	return &Event{
		ID: "0f1e", Source: "myapp.users", DetailType: "UserCreated", Account: "000000000000", Region: "local",
		Time: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), Resources: []string{"a\"b"},
		Detail: []byte("{ \"n\" : 1.0,\n\"s\":\"a \\\" b\" }"), Group: "u1", Trace: "t",
	}
}

func TestEnvelope(t *testing.T) {
	e := sample()
	want := `{"version":"0","id":"0f1e","detail-type":"UserCreated","source":"myapp.users","account":"000000000000",` +
		`"time":"2026-01-02T03:04:05Z","region":"local","resources":["a\"b"],"detail":{"n":1.0,"s":"a \" b"}}`
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	e.Resources, e.ReplayName, e.Detail = nil, "again", []byte(`{"a":1,"a":2}`)
	got := string(e.AppendJSON([]byte("x")))
	if !strings.HasPrefix(got, `x{"version"`) || !strings.Contains(got, `"replay-name":"again","resources":[],"detail":{"a":1,"a":2}}`) {
		t.Errorf("got %s", got)
	}
}

func genEvent() *rapid.Generator[*Event] {
	return rapid.Custom(func(t *rapid.T) *Event {
		str := rapid.StringN(0, 12, 40)
		e := &Event{
			ID: str.Draw(t, "id"), Source: str.Draw(t, "source"), DetailType: str.Draw(t, "type"),
			Account: str.Draw(t, "account"), Region: str.Draw(t, "region"), ReplayName: str.Draw(t, "replay"),
			Group: str.Draw(t, "group"), Trace: str.Draw(t, "trace"),
			Time:   time.Unix(rapid.Int64Range(-1e10, 1e11).Draw(t, "sec"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
			Detail: []byte(rapid.SampledFrom([]string{`{}`, `{"a":[1,2,{"b":null}]}`, "{\t\"q\": \"\\\\\\\" x\" }"}).Draw(t, "detail")),
		}
		if r := rapid.SliceOfN(str, 0, 3).Draw(t, "resources"); len(r) > 0 {
			e.Resources = r
		}
		return e
	})
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genEvent().Draw(t, "event")
		stored, err := DecodeBinary(e.AppendBinary(nil))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, stored); d != "" {
			t.Fatalf("stored form: %s", d)
		}
		parsed, err := Parse(e.AppendJSON(nil))
		if err != nil {
			t.Fatal(err)
		}
		want := *e
		want.Time, want.Group, want.Trace = floor(e.Time), "", ""
		want.Detail = appendCompact(nil, e.Detail)
		if d := cmp.Diff(&want, parsed); d != "" {
			t.Fatalf("envelope: %s", d)
		}
	})
}

// floor drops the fraction of a second, also before 1970.
func floor(t time.Time) time.Time { return time.Unix(t.Unix(), 0).UTC() }

func TestStoredFormRejectsDamage(t *testing.T) {
	b := sample().AppendBinary(nil)
	for n := range b {
		if _, err := DecodeBinary(b[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("first %d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := DecodeBinary(append(b, 0)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	const head = `"id":"1","detail-type":"T","source":"s","account":"0","region":"r","time":`
	for _, c := range []struct {
		in   string
		want error
	}{
		{`[]`, ErrEnvelope},
		{`{"id":1}`, ErrEnvelope},
		{`{"id":"1","detail":{}}`, ErrEnvelope},
		{`{` + head + `"yesterday"}`, ErrEnvelope},
		{`{` + head + `"2026-01-02T03:04:05Z","detail":"x"}`, ErrDetail},
		{`{` + head + `"2026-01-02T03:04:05Z","detail":null}`, ErrDetail},
		{`{` + head + `"2026-01-02T03:04:05Z","detail":{}`, ErrEnvelope},
		{`{` + head + `"2026-01-02T03:04:05Z","unknown":1}`, nil},
	} {
		if _, err := Parse([]byte(c.in)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.in, err, c.want)
		}
	}
}

func TestCheckDetail(t *testing.T) {
	nest := func(n int) string {
		return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	for _, c := range []struct {
		in string
		ok bool
	}{
		{`{}`, true}, {` {"a":1,"a":2} `, true}, {nest(MaxDetailDepth), true}, {nest(MaxDetailDepth + 1), false},
		{``, false}, {`[]`, false}, {`{}{}`, false}, {`{} x`, false}, {`{"a"}`, false}, {`{"a":1`, false}, {"{\"a\":\"\xff\"}", false},
	} {
		if err := CheckDetail([]byte(c.in)); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrDetail) {
			t.Errorf("%.40s: %v", c.in, err)
		}
	}
}

func TestSize(t *testing.T) {
	e := sample()
	want := 14 + len(e.Source) + len(e.DetailType) + len(e.Detail) + 3
	if got := e.Size(true); got != want {
		t.Errorf("Size = %d, want %d", got, want)
	}
	if got := e.Size(false); got != want-14 {
		t.Errorf("without a time Size = %d, want %d", got, want-14)
	}
}

func TestIDs(t *testing.T) {
	form := func(v string) *regexp.Regexp {
		return regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-` + v + `[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	}
	a := DeterministicID("ab", "c")
	if !form("8").MatchString(a) || a != DeterministicID("ab", "c") || a == DeterministicID("a", "bc") {
		t.Errorf("DeterministicID = %s", a)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	e, buf := sample(), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}

func BenchmarkCheckDetail(b *testing.B) {
	detail := []byte(`{"lines":[{"sku":"sku-0","count":0,"price":0.5}` + strings.Repeat(`,{"sku":"sku-17","count":17,"price":17.5}`, 400) + `]}`)
	b.SetBytes(int64(len(detail)))
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckDetail(detail); err != nil {
			b.Fatal(err)
		}
	}
}
