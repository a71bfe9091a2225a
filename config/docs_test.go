package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

var fence = regexp.MustCompile("(?ms)^```(\\S*) (\\S+)\n(.*?)^```$")

// The examples of docs/mapping.md say what happens.
func TestDocumentedMappings(t *testing.T) {
	text, err := os.ReadFile("../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	var file *File
	var result string
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		kind, body := block[2], block[3]
		found[kind]++
		switch kind {
		case "good", "map":
			if file, err = Parse("tablecast.yaml", []byte(body)); err != nil {
				t.Errorf("%s\n%v", body, err)
			}
		case "bad":
			_, err := Parse("tablecast.yaml", []byte(body))
			result = err.Error()
		case "change":
			result = raise(t, file, body)
		case "events", "faults":
			if result != strings.TrimSpace(body) {
				t.Errorf("documented %s\n got %s\nwant %s", kind, result, body)
			}
		}
	}
	if found["change"] < 7 || found["change"] != found["events"] || found["bad"] != found["faults"] || found["good"] < 4 {
		t.Errorf("examples found: %v", found)
	}
}

// raise returns type and detail of the events of a change, one a line.
func raise(t *testing.T, f *File, change string) string {
	t.Helper()
	var c struct {
		Old, New item.Map
		Expired  bool
	}
	if err := json.Unmarshal([]byte(change), &c, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s: %v", change, err)
	}
	store := kvtest.NewMem(t)
	streams, err := stream.Open(store, stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec := f.Tables[0]
	b := store.NewBatch()
	st := streams.Create(b, stream.Spec{Table: spec.Name, Schema: spec.Schema, View: spec.View})
	partition := item.AppendKey(nil, item.S("u1"))
	appended := st.Append(b, st.Created(), []stream.Change{{Partition: partition, Old: c.Old, New: c.New, Expired: c.Expired}})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	appended.Committed()
	page, err := st.Read(0, 1, 1<<20)
	if err != nil || len(page.Records) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	page.Records[0].Time = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	o := f.Mapping(spec.Name)
	if o.Version == "" {
		t.Error("a file without a version")
	}
	o.Version = "1a2b3c4d5e6f"
	events, err := mapping.NewSet(f.Events, o).Apply(&page.Records[0], func(string) bool { return true })
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, e := range events {
		detail := strings.ReplaceAll(string(e.Event.Detail), e.Event.ID, "6f1c6b4e-1f2d-8c3a-9b7e-0d5f4a3c2b1a")
		out = append(out, e.Event.DetailType+" "+strings.ReplaceAll(detail, stream.FormatSeq(page.Records[0].Seq), "100000000000000000042"))
	}
	return strings.Join(out, "\n")
}
