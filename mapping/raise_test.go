package mapping_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// Each element of a list, set or map raises an event of its own.
func TestEach(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	r := record(st, image(t, `"l":{"L":[{"S":"x"}]}`), image(t, `"l":{"L":[{"S":"x"},{"S":"y"},{"S":"y"}]},"s":{"SS":["b","a"]},"m":{"M":{"k":{"N":"1"},"j":{"N":"2"}}},"n":{"N":"1"},"e":{"L":[]}`))
	for each, want := range map[string]string{
		"new.l":                  `{"a":"x","b":0} {"a":"y","b":1} {"a":"y","b":2}`,
		"added(old.l, new.l)":    `{"a":"y","b":0} {"a":"y","b":1}`,
		"removed(old.l, new.l)":  ``,
		"new.s":                  `{"a":"a","b":0} {"a":"b","b":1}`,
		"new.m":                  `{"a":2,"b":"j"} {"a":1,"b":"k"}`,
		"new.?nothing":           ``,
		"new.e":                  ``,
		"changed":                `{"a":"e","b":0} {"a":"l","b":1} {"a":"m","b":2} {"a":"n","b":3} {"a":"s","b":4}`,
		"new.n":                  `event E: each: ${new.n}: it is neither a list nor a map: new.n is a number`,
		"new.id":                 `event E: each: ${new.id}: it is neither a list nor a map: new.id is a string`,
		"new.nothing":            `event E: each: ${new.nothing}: new.nothing is absent; what may be absent is asked for by ?, as in new.?name`,
		"new.l.map(x, {'v': x})": `{"a":{"v":"x"},"b":0} {"a":{"v":"y"},"b":1} {"a":{"v":"y"},"b":2}`,
	} {
		d := mapping.Definition{Name: "E", Each: collection(t, each), Detail: object(t, "${each}", "${at}")}
		events, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(r, all)
		var got []string
		ids := map[string]bool{}
		for _, e := range events {
			got = append(got, string(e.Event.Detail))
			ids[e.Event.ID] = true
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if strings.Join(got, " ") != want || len(ids) != len(events) {
			t.Errorf("%s:\n got %s\nwant %s", each, strings.Join(got, " "), want)
		}
	}
	bad := mapping.Definition{Name: "E", Each: collection(t, "new.l"), Detail: object(t, "${each.sku}")}
	if _, err := mapping.NewSet([]mapping.Definition{bad}, options).Apply(r, all); err == nil || !strings.HasPrefix(err.Error(), "event E: each[0].detail.a: ${each.sku}: ") {
		t.Error(err)
	}
}

// Whatever an item holds, what it raises is bounded.
func TestRaisedIsBounded(t *testing.T) {
	st := newStream(t, stream.NewImage)
	many := make([]item.Value, mapping.MaxEvents+1)
	for i := range many {
		many[i] = item.S("x")
	}
	r := record(st, nil, item.MapOf(item.Field{Name: "id", Value: item.S("u1")}, item.Field{Name: "l", Value: item.L(many...)}, item.Field{Name: "s", Value: item.S(strings.Repeat("x", 300<<10))}))
	var repeated []string
	for range 200 {
		repeated = append(repeated, "${new.s}")
	}
	for name, d := range map[string]mapping.Definition{
		"elements":     {Each: collection(t, "new.l"), Detail: object(t)},
		"members":      {Detail: object(t, repeated...)},
		"text":         {Detail: object(t, strings.Join(repeated, " "))},
		"many details": {Each: collection(t, "new.l.slice(0, 1000)"), Detail: object(t, "${new.s}")},
	} {
		d.Name = "E"
		events, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(r, all)
		if err == nil || len(events) > 0 {
			t.Errorf("%s: %d events, %v", name, len(events), err)
		}
	}
}

// Resources, time and group are what templates say.
func TestEnvelopeOfEvent(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, image(t, `"at":{"S":"2031-01-01T00:00:00+01:00"},"sec":{"N":"86400"},"frac":{"N":"1.5"},"org":{"S":"acme"},"n":{"N":"7"}`))
	type got struct {
		Resources []string
		Time      time.Time
		Group     string
	}
	arn, group := st.ARN(), `users{"id":"u1"}`
	for _, c := range []struct {
		d    mapping.Definition
		want got
	}{
		{mapping.Definition{}, got{[]string{arn}, r.Time, group}},
		{mapping.Definition{Resources: []*mapping.Template{text(t, "urn:${new.org}"), text(t, "${new.?no}"), text(t, "${new.n}")}}, got{[]string{"urn:acme", "7"}, r.Time, group}},
		{mapping.Definition{Resources: []*mapping.Template{}}, got{nil, r.Time, group}},
		{mapping.Definition{Time: text(t, "${new.at}")}, got{[]string{arn}, time.Date(2030, 12, 31, 23, 0, 0, 0, time.UTC), group}},
		{mapping.Definition{Time: text(t, "${new.sec}")}, got{[]string{arn}, time.Unix(86400, 0).UTC(), group}},
		{mapping.Definition{Time: text(t, "${new.frac}")}, got{[]string{arn}, time.UnixMilli(1500).UTC(), group}},
		{mapping.Definition{Time: text(t, "${timestamp(new.at)}")}, got{[]string{arn}, time.Date(2030, 12, 31, 23, 0, 0, 0, time.UTC), group}},
		{mapping.Definition{Time: text(t, "2030-01-02T00:00:00Z")}, got{[]string{arn}, time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC), group}},
		{mapping.Definition{Time: text(t, "${new.?no}")}, got{[]string{arn}, r.Time, group}},
		{mapping.Definition{Group: text(t, "${new.org}/${new.n}")}, got{[]string{arn}, r.Time, "acme/7"}},
		{mapping.Definition{Group: text(t, "all")}, got{[]string{arn}, r.Time, "all"}},
	} {
		c.d.Name = "E"
		events, err := mapping.NewSet([]mapping.Definition{c.d}, options).Apply(r, all)
		if err != nil || len(events) != 1 {
			t.Errorf("%v, %v", events, err)
			continue
		}
		e := events[0].Event
		if d := cmp.Diff(c.want, got{e.Resources, e.Time, e.Group}); d != "" {
			t.Error(d)
		}
	}
	for _, bad := range []string{"${new.org}", "${new.n * 1e100}", "${[1]}", "no time"} {
		d := mapping.Definition{Name: "E", Time: text(t, bad)}
		if _, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(r, all); err == nil || !strings.HasPrefix(err.Error(), "event E: time: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// The shapes of details.
func TestShape(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, image(t, `"n":{"N":"1"},"trace":{"S":"t1"},"cause":{"S":"c1"}`))
	trace, cause, none := paths(t, "trace")[0], paths(t, "cause")[0], paths(t, "nothing")[0]
	for _, c := range []struct {
		shape mapping.Shape
		want  string
	}{
		{mapping.Shape{}, `{"a":1,"b":2.5}`},
		{mapping.Shape{QuoteNumbers: true}, `{"a":"1","b":"2.5"}`},
		{mapping.Shape{Envelope: mapping.Metadata, Correlation: &trace, Causation: &cause}, `{"metadata":{"eventId":"ID","correlationId":"t1","causationId":"c1","table":"users","entity":"User","op":"insert","sequenceNumber":"100000000000000000007","mappingVersion":"v1","time":"2030-01-02T03:04:06Z"},"data":{"a":1,"b":2.5}}`},
		{mapping.Shape{Envelope: mapping.Metadata, Correlation: &none}, `{"metadata":{"eventId":"ID","table":"users","entity":"User","op":"insert","sequenceNumber":"100000000000000000007","mappingVersion":"v1","time":"2030-01-02T03:04:06Z"},"data":{"a":1,"b":2.5}}`},
		{mapping.Shape{Envelope: mapping.CloudEvents, Correlation: &trace}, `{"specversion":"1.0","id":"ID","source":"app","type":"E","time":"2030-01-02T03:04:06Z","subject":"users{\"id\":\"u1\"}","datacontenttype":"application/json","correlationid":"t1","table":"users","entity":"User","op":"insert","sequencenumber":"100000000000000000007","mappingversion":"v1","data":{"a":1,"b":2.5}}`},
	} {
		d := mapping.Definition{Name: "E", Source: "app", Shape: c.shape, Detail: object(t, "${new.n}", "${new.n + 1.5}")}
		events, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(r, all)
		if err != nil || len(events) != 1 {
			t.Fatal(events, err)
		}
		if got := strings.ReplaceAll(string(events[0].Event.Detail), events[0].Event.ID, "ID"); got != c.want {
			t.Errorf("%+v\n got %s\nwant %s", c.shape, got, c.want)
		}
	}
}

// A contract sees the data, and what it refuses is not raised.
func TestContract(t *testing.T) {
	st := newStream(t, stream.NewImage)
	d := mapping.Definition{Name: "E", Shape: mapping.Shape{Envelope: mapping.Metadata}, Contract: func(detail []byte) error {
		if string(detail) != `{"id":"u1"}` {
			return fmt.Errorf("no contract with %s", detail)
		}
		return nil
	}}
	if events := details(t, record(st, nil, image(t, ``)), d); len(events) != 1 {
		t.Error(events)
	}
	_, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(record(st, nil, image(t, `"a":{"N":"1"}`)), all)
	if err == nil || err.Error() != `event E: schema: no contract with {"a":1,"id":"u1"}` {
		t.Error(err)
	}
	d.Contract = func([]byte) error { panic("no") }
	if _, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(record(st, nil, image(t, ``)), all); err == nil || !strings.HasPrefix(err.Error(), "event E: schema: panic") {
		t.Errorf("a contract that panics: %v", err)
	}
}

// An item of an outbox is an event itself.
func TestOutbox(t *testing.T) {
	st := newStream(t, stream.NewAndOldImages)
	path := func(s string) mapping.Path { return paths(t, s)[0] }
	d := mapping.Definition{Name: "outbox", Source: "unused", Outbox: &mapping.Outbox{
		Source: path("source"), Type: path("type"), Payload: path("payload"), Group: path("group"), Time: path("at"),
	}}
	const head = `"source":{"S":"shop"},"type":{"S":"OrderPlaced"}`
	for attributes, want := range map[string]string{
		head + `,"payload":{"S":"{ \"a\": 1.0 }"}`:                         `shop OrderPlaced users{"id":"u1"} 2030-01-02T03:04:06Z { "a": 1.0 }`,
		head + `,"payload":{"M":{"a":{"N":"1.0"}}}`:                        `shop OrderPlaced users{"id":"u1"} 2030-01-02T03:04:06Z {"a":1}`,
		head + `,"payload":{"M":{}},"group":{"S":"o1"},"at":{"N":"86400"}`: `shop OrderPlaced o1 1970-01-02T00:00:00Z {}`,
		head:                            `event outbox: payload: new.payload is absent`,
		head + `,"payload":{"S":"[1]"}`: `event outbox: payload: it must be a map, or a text that is a JSON object: event: detail is not a JSON object`,
		head + `,"payload":{"N":"1"}`:   `event outbox: payload: it must be a map, or a text that is a JSON object`,
		head + `,"payload":{"M":{}},"at":{"S":"now"}`:               `event outbox: time: it is no time: neither a timestamp, nor a text in RFC 3339, nor seconds of the Unix epoch`,
		`"type":{"S":"OrderPlaced"},"payload":{"M":{}}`:             `event outbox: source: new.source is absent`,
		`"source":{"S":"shop"},"type":{"N":"1"},"payload":{"M":{}}`: `event outbox: detail-type: new.type must be a text of 1 to 128 characters; it is a number`,
	} {
		events, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(record(st, nil, image(t, attributes)), all)
		got := fmt.Sprint(err)
		if err == nil && len(events) == 1 {
			e := events[0].Event
			got = fmt.Sprintf("%s %s %s %s %s", e.Source, e.DetailType, e.Group, e.Time.Format(time.RFC3339), e.Detail)
		}
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", attributes, got, want)
		}
	}
	if events := details(t, record(st, image(t, head), nil), d); len(events) != 0 {
		t.Errorf("a removal raised %v", events)
	}
}

// Code makes what data cannot say.
func TestMapper(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, image(t, ``))
	at := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	d := mapping.Definition{Name: "E", Source: "app", Bus: "main", Mapper: mapping.MapperFunc(func(r *stream.Record) ([]mapping.Produced, error) {
		return []mapping.Produced{
			{Detail: []byte(`{"first":true}`)},
			{Detail: []byte(`{}`), Source: "s", DetailType: "T", Bus: "b", Resources: []string{"x"}, Time: at, Group: "g"},
		}, nil
	})}
	events, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(r, all)
	if err != nil || len(events) != 2 {
		t.Fatal(events, err)
	}
	first, second := events[0].Event, events[1].Event
	if first.Source != "app" || first.DetailType != "E" || events[0].Bus != "main" || string(first.Detail) != `{"first":true}` || first.ID == second.ID {
		t.Errorf("%+v", events[0])
	}
	if second.Source != "s" || second.DetailType != "T" || events[1].Bus != "b" || second.Resources[0] != "x" || !second.Time.Equal(at) || second.Group != "g" {
		t.Errorf("%+v", events[1])
	}
	for _, bad := range []func(*stream.Record) ([]mapping.Produced, error){
		func(*stream.Record) ([]mapping.Produced, error) { return nil, errors.New("no") },
		func(*stream.Record) ([]mapping.Produced, error) {
			return []mapping.Produced{{Detail: []byte("[]")}}, nil
		},
		func(*stream.Record) ([]mapping.Produced, error) {
			return make([]mapping.Produced, mapping.MaxEvents+1), nil
		},
		func(r *stream.Record) ([]mapping.Produced, error) { panic("no " + r.Keys[7].Name) },
	} {
		d.Mapper = mapping.MapperFunc(bad)
		if _, err := mapping.NewSet([]mapping.Definition{d}, options).Apply(r, all); err == nil || !strings.HasPrefix(err.Error(), "event E: mapper: ") {
			t.Error(err)
		}
	}
}

// A backfill raises what an insert would, marked as a backfill, with ids of its
// own.
func TestBackfill(t *testing.T) {
	st := newStream(t, stream.NewImage)
	r := record(st, nil, image(t, `"a":{"N":"1"}`))
	d := mapping.Definition{Name: "E", On: []mapping.Kind{mapping.Insert}, If: condition(t, "new.a == 1"), Detail: object(t, "${op}"), Shape: mapping.Shape{Envelope: mapping.Metadata}}
	set := mapping.NewSet([]mapping.Definition{d, {Name: "Other"}}, options)
	events, err := set.Backfill("E", "run1", r)
	if err != nil || len(events) != 1 || !strings.Contains(string(events[0].Event.Detail), `"op":"backfill"`) || !strings.Contains(string(events[0].Event.Detail), `"backfill":"run1"`) {
		t.Fatal(events, err)
	}
	ids := map[string]bool{events[0].Event.ID: true}
	again, _ := set.Backfill("E", "run2", r)
	live, _ := set.Apply(r, all)
	for _, e := range append(again, live...) {
		if ids[e.Event.ID] {
			t.Errorf("id %s twice", e.Event.ID)
		}
		ids[e.Event.ID] = true
	}
	if none, err := set.Backfill("E", "run1", record(st, nil, image(t, `"a":{"N":"2"}`))); err != nil || len(none) > 0 {
		t.Error(none, err)
	}
	if _, err := set.Backfill("No", "run1", r); err == nil {
		t.Error("an unknown definition")
	}
}
