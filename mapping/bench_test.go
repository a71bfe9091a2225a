package mapping_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// change600 is a change of an item whose images take about 600 bytes of wire
// JSON together, and a definition with a guard and five fields.
func change600(b *testing.B) (*stream.Record, mapping.Definition) {
	image := func(mail string) item.Item {
		return wire(b, `{"id":{"S":"user-000001"},"username":{"S":"ada"},"email":{"S":"`+mail+`"},"avatar":{"S":"https://example.com/`+
			strings.Repeat("a", 80)+`"},"birthdate":{"S":"1815-12-10"},"address":{"M":{"city":{"S":"London"}}},"visits":{"N":"42"}}`)
	}
	st := newStream(b, stream.NewAndOldImages)
	return record(st, image("ada@example.com"), image("lovelace@example.com")), mapping.Definition{
		Name: "E", Source: "myapp.users", Changed: transitions(b, "email"),
		Detail: object(b, "${new.id}", "${old.email}", "${new.email}", "${new.address.city}", "${new.visits}"),
	}
}

func BenchmarkApply(b *testing.B) {
	r, d := change600(b)
	benchmarkApply(b, r, d)
}

// benchmarkApply applies definitions of which one raises an event.
func benchmarkApply(b *testing.B, r *stream.Record, defs ...mapping.Definition) {
	set := mapping.NewSet(defs, mapping.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if events, err := set.Apply(r, all); err != nil || len(events) != 1 {
			b.Fatal(events, err)
		}
	}
}

// A condition in CEL instead of a path that changed.
func BenchmarkApplyIf(b *testing.B) {
	r, d := change600(b)
	d.Changed, d.If = nil, condition(b, `new.email != old.email && new.visits > 41`)
	benchmarkApply(b, r, d)
}

// 100 definitions of which one raises an event: the others want other
// attributes to change, other values, or another entity.
func BenchmarkApply100(b *testing.B) {
	r, d := change600(b)
	defs := []mapping.Definition{d}
	for n := range 99 {
		other := d
		other.Name = "E" + strconv.Itoa(n)
		switch n % 3 {
		case 0:
			other.Changed = transitions(b, "attribute"+strconv.Itoa(n))
		case 1:
			other.Entity = "Entity" + strconv.Itoa(n)
		default:
			other.Changed, other.Match = nil, compile(b, `{"new":{"username":["user`+strconv.Itoa(n)+`"]}}`)
		}
		defs = append(defs, other)
	}
	benchmarkApply(b, r, defs...)
}

// The floor: what it takes to read the record's wire form as JSON.
func BenchmarkUnmarshal(b *testing.B) {
	r, _ := change600(b)
	text := []byte(`{"Keys":` + string(item.AppendJSON(nil, r.Keys)) + `,"NewImage":` + string(item.AppendJSON(nil, r.New)) +
		`,"OldImage":` + string(item.AppendJSON(nil, r.Old)) + `}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var v struct{ Keys, NewImage, OldImage map[string]any }
		if err := json.Unmarshal(text, &v); err != nil {
			b.Fatal(err)
		}
	}
}
