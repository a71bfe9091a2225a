package worker_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/parking"
)

// strict needs an email, lenient does not.
const (
	strict  = users + "mapping: { envelope: metadata }\nevents: { UserChanged: { from: users, on: [insert, modify], detail: { id: \"${new.id}\", email: \"${new.email}\", n: \"${new.?n}\" } } }\n"
	lenient = users + "mapping: { envelope: metadata }\nevents: { UserChanged: { from: users, on: [insert, modify], detail: { id: \"${new.id}\", email: \"${new.?email}\", n: \"${new.?n}\" } } }\n"
)

// A batch whose records raise more than a page has is dealt with to its end, and the
// changes of an item in order.
func TestBatchOfSeveralPages(t *testing.T) {
	const changes, tags = 8, 150 // 1.2 MB of events a change
	const tagged = users + "mapping: { envelope: metadata }\nevents: { Tagged: { from: users, each: new.tags, detail: { n: \"${new.n}\", text: \"${new.text}\" } } }\n"
	p := newPair(t, users)
	w := p.open(t, "g", tagged)
	if err := w.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := make([]string, tags)
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	var want []string
	for n := range changes {
		text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
		it := map[string]types.AttributeValue{
			"id": text("u"), "n": text(strconv.Itoa(n)), "text": text(strings.Repeat("x", 8_000)), "tags": &types.AttributeValueMemberSS{Value: all},
		}
		if _, err := p.from.tables().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: it}); err != nil {
			t.Fatal(err)
		}
		want = append(want, slices.Repeat([]string{strconv.Itoa(n)}, tags)...)
	}
	p.run(t, "g", tagged)
	until(t, "all events", func() bool { return len(p.facts(t)) >= len(want) })
	var got []string
	for _, f := range p.facts(t) {
		got = append(got, f.Data["n"])
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// What is written through AWS's SDK arrives as events on another node's bus.
func TestCarries(t *testing.T) {
	p := newPair(t, users)
	p.put(t, "id", "before", "email", "e")
	w, _ := p.run(t, "g", strict)
	for i := range 30 {
		p.put(t, "id", fmt.Sprint("u", i), "email", "e")
	}
	page := func() string {
		out := httptest.NewRecorder()
		w.Handler().ServeHTTP(out, httptest.NewRequest("GET", "/metrics", nil))
		return out.Body.String()
	}
	until(t, "30 events", func() bool { return strings.Contains(page(), "tablecast_worker_published_events_total 30") }) // after their acknowledgement
	ids := map[string]bool{}
	for _, f := range p.facts(t) {
		ids[f.Metadata.EventID] = true
		if f.Data["id"] == "before" {
			t.Error("a change from before the group's start raised an event")
		}
	}
	if len(ids) != 30 {
		t.Errorf("%d ids", len(ids))
	}
	metrics := page()
	for _, want := range []string{`tablecast_worker_parked_records{table="users"} 0`, "tablecast_worker_ready 1", `tablecast_worker_lag_seconds{shard="`, `tablecast_worker_hours_to_trim{shard="`, `tablecast_worker_gaps_total{table="users"} 0`, "tablecast_worker_rejected_events_total 0"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	for _, path := range []string{"/readyz", "/healthz"} {
		srv := httptest.NewRecorder()
		if w.Handler().ServeHTTP(srv, httptest.NewRequest("GET", path, nil)); srv.Code != 200 {
			t.Errorf("%s: %d %s", path, srv.Code, srv.Body)
		}
	}
}

// A record that cannot be mapped parks its own item, whose later changes wait
// behind it; redriven after a fix, they come in order.
func TestParksItsItemAlone(t *testing.T) {
	p := newPair(t, users)
	w, stop := p.run(t, "g", strict)
	p.put(t, "id", "a", "email", "1")
	p.put(t, "id", "bad")
	p.put(t, "id", "bad", "email", "2")
	p.put(t, "id", "b", "email", "3")
	p.put(t, "id", "bad", "email", "4")
	p.put(t, "id", "b", "email", "5")
	until(t, "events of the others, and the rest parked", func() bool { return len(p.facts(t)) == 3 && len(parkedOf(t, w)) == 3 })
	want := []string{`{"id":{"S":"bad"}} UserChanged false 0`, `{"id":{"S":"bad"}}  true 0`, `{"id":{"S":"bad"}}  true 0`}
	if d := cmp.Diff(want, parkedOf(t, w)); d != "" {
		t.Error(d)
	}
	if r := redrive(t, w, parking.Selection{}); r != (parking.Redriven{Failed: 1, Waiting: 2}) {
		t.Errorf("%+v", r)
	}
	stop()
	fixed := p.open(t, "g", lenient)
	err := fixed.Redrive(t.Context(), parking.Selection{Event: "Other"}, func(string, parking.Redriven) {})
	if !errors.Is(err, parking.ErrNoMatch) || !strings.Contains(err.Error(), "no event is called Other") || len(parkedOf(t, w)) != 3 {
		t.Errorf("what was not meant: %v, %v", err, parkedOf(t, w))
	}
	if r := redrive(t, fixed, parking.Selection{Event: "UserChanged"}); r != (parking.Redriven{Records: 3, Events: 3}) {
		t.Errorf("%+v", r)
	}
	all := p.texts(t, "email")
	if d := cmp.Diff([]string{"UserChanged bad ", "UserChanged bad 2", "UserChanged bad 4"}, all[len(all)-3:]); d != "" || len(parkedOf(t, w)) != 0 {
		t.Errorf("%s; parked %v", d, parkedOf(t, w))
	}
	p.run(t, "g", lenient)
	p.put(t, "id", "bad", "email", "6")
	until(t, "the item goes on", func() bool { return slices.Contains(p.texts(t, "email"), "UserChanged bad 6") })
}

// What is given up lets what was behind it go on.
func TestDrop(t *testing.T) {
	p := newPair(t, users)
	w, _ := p.run(t, "g", strict)
	p.put(t, "id", "bad")
	p.put(t, "id", "bad", "email", "2")
	until(t, "parked", func() bool { return len(parkedOf(t, w)) == 2 })
	dropped := 0
	if err := w.Drop(t.Context(), parking.Selection{Table: "users", Event: "UserChanged"}, func(_ string, n int) { dropped += n }); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"UserChanged bad 2"}, p.texts(t, "email")); d != "" || dropped != 1 || len(parkedOf(t, w)) != 0 {
		t.Errorf("%d dropped; %s; parked %v", dropped, d, parkedOf(t, w))
	}
	if err := w.Drop(t.Context(), parking.Selection{Table: "nothing"}, func(string, int) {}); err == nil {
		t.Error("a table without events has parked records")
	}
}

// Two groups do not disturb each other.
func TestGroups(t *testing.T) {
	p := newPair(t, users)
	w, _ := p.run(t, "one", strict)
	other, _ := p.run(t, "two", lenient)
	p.put(t, "id", "bad")
	p.put(t, "id", "a", "email", "1")
	until(t, "three events", func() bool { return len(p.facts(t)) == 3 && len(parkedOf(t, w)) == 1 })
	if got := parkedOf(t, other); len(got) != 0 {
		t.Errorf("parked by the other group: %v", got)
	}
	got := p.texts(t)
	slices.Sort(got)
	if d := cmp.Diff([]string{"UserChanged a", "UserChanged a", "UserChanged bad"}, got); d != "" {
		t.Error(d)
	}
}

const box = "tables: { users: { key: id, stream: new-image } }\nmapping: { envelope: metadata }\noutbox: { users: { detail-type: kind } }\n"

// Items of an outbox are deleted once their events are accepted; one that the
// bus refuses stays, and is parked.
func TestOutbox(t *testing.T) {
	p := newPair(t, "tables: { users: { key: id, stream: new-image } }\n")
	w, _ := p.run(t, "g", box)
	p.put(t, "id", "1", "source", "shop", "kind", "Paid", "payload", `{"id":"1"}`)
	p.put(t, "id", "2", "source", "aws.shop", "kind", "Paid", "payload", `{"id":"2"}`)
	left := func() []string {
		out, err := p.from.tables().Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("users")})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, it := range out.Items {
			ids = append(ids, it["id"].(*types.AttributeValueMemberS).Value)
		}
		return ids
	}
	until(t, "the first item is deleted", func() bool { return slices.Equal(left(), []string{"2"}) && len(parkedOf(t, w)) == 1 })
	if d := cmp.Diff([]string{"Paid 1"}, p.texts(t)); d != "" {
		t.Error(d)
	}
	if !strings.Contains(p.log.String(), "NotAuthorizedForSource") {
		t.Error(p.log)
	}
}

// A definition that is added later is for changes from then on.
func TestLaterDefinition(t *testing.T) {
	p := newPair(t, users)
	_, stop := p.run(t, "g", lenient)
	p.put(t, "id", "a")
	until(t, "an event", func() bool { return len(p.facts(t)) == 1 })
	stop()
	_, stop = p.run(t, "g", lenient+"  \nrules: {}\n")
	stop()
	p.run(t, "g", strings.Replace(lenient, "events: { ", "events: { Second: { from: users, on: insert, detail: { id: \"${new.id}\" } }, ", 1))
	p.put(t, "id", "b")
	until(t, "both events of the second change", func() bool { return len(p.facts(t)) == 3 })
	for _, text := range p.texts(t) {
		if text == "Second a" {
			t.Error(p.texts(t))
		}
	}
}
