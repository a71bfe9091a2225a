package event

import (
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() *Event {
	return &Event{
		ID: "11111111-2222-4333-8444-555555555555", Source: "myapp.users", DetailType: "UserCreated", Account: "000000000000",
		Region: "us-east-1", Time: time.Date(2026, 11, 23, 10, 0, 0, 987654321, time.UTC), Resources: []string{"arn:x", `quo"te`},
		Detail: []byte(`{"id":"u1","n":12345678901234567890.5}`), Group: "users/u1", Trace: "Root=1",
	}
}

func TestEnvelope(t *testing.T) {
	want := `{"version":"0","id":"11111111-2222-4333-8444-555555555555","detail-type":"UserCreated","source":"myapp.users",` +
		`"account":"000000000000","time":"2026-11-23T10:00:00Z","region":"us-east-1","resources":["arn:x","quo\"te"],` +
		`"detail":{"id":"u1","n":12345678901234567890.5}}`
	e := sample()
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	back, err := Parse([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	e.Time, e.Group, e.Trace = e.Time.Truncate(time.Second), "", ""
	if diff := cmp.Diff(e, back); diff != "" {
		t.Error(diff)
	}
	e.ReplayName, e.Resources = "r1", nil
	if got := string(e.AppendJSON(nil)); !regexp.MustCompile(`"region":"us-east-1","replay-name":"r1","resources":\[\],"detail"`).MatchString(got) {
		t.Error(got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{``, `[]`, `{}`, `{"id":"1","account":"1","source":"s","time":"yesterday","region":"r","detail-type":"d"}`} {
		if e, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, e)
		}
	}
}

func TestBinaryRoundTrip(t *testing.T) {
	e := sample()
	b := e.AppendBinary(nil)
	back, err := DecodeBinary(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, back); diff != "" {
		t.Error(diff)
	}
	for n := range b {
		if _, err := DecodeBinary(b[:n]); err == nil {
			t.Errorf("the first %d bytes were accepted", n)
		}
	}
}

func TestIDs(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-([48])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, b := DeterministicID("users", "1"), DeterministicID("user", "s1")
	if a == b || a != DeterministicID("users", "1") || !form.MatchString(a) || !form.MatchString(NewID()) || NewID() == NewID() {
		t.Errorf("ids %s %s", a, b)
	}
}

func TestSize(t *testing.T) {
	e := &Event{Source: "ab", DetailType: "c", Detail: []byte("{}"), Resources: []string{"xyz"}}
	if e.Size(false) != 8 || e.Size(true) != 22 {
		t.Errorf("sizes %d, %d", e.Size(false), e.Size(true))
	}
}
