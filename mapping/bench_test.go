package mapping_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

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
		Name: "E", Source: "myapp.users", Changed: paths(b, "email"),
		Detail: object(b, "${new.id}", "${old.email}", "${new.email}", "${new.address.city}", "${new.visits}"),
	}
}

func BenchmarkApply(b *testing.B) {
	r, d := change600(b)
	set := mapping.NewSet([]mapping.Definition{d}, "1", "r")
	b.ReportAllocs()
	for b.Loop() {
		if events, err := set.Apply(r, all); err != nil || len(events) != 1 {
			b.Fatal(events, err)
		}
	}
}

// 100 definitions of which one raises an event.
func BenchmarkApply100(b *testing.B) {
	r, d := change600(b)
	defs := []mapping.Definition{d}
	for n := range 99 {
		other := d
		other.Name, other.Changed = "E"+strconv.Itoa(n), paths(b, "attribute"+strconv.Itoa(n))
		defs = append(defs, other)
	}
	set := mapping.NewSet(defs, "1", "r")
	b.ReportAllocs()
	for b.Loop() {
		if events, err := set.Apply(r, all); err != nil || len(events) != 1 {
			b.Fatal(events, err)
		}
	}
}

// The floor: what encoding/json takes to read the record's wire form.
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
