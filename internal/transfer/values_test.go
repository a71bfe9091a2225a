package transfer_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"pgregory.net/rapid"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/server/servertest"
	"github.com/tablecast/tablecast/internal/transfer"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// texts are strings and names that a format could change.
var texts = rapid.OneOf(
	rapid.SampledFrom([]string{
		"", " ", "trailing ", "\tleading", "a\r\nb", "\r", "\n", "\r\n", "ends\r", `"`, `a"b`, `""`, ",", "a,b", "'", "=1+1", "\\.", "#", "\x00", "\ufeff", "\ufeffid", "ü", "\U0001F600", "\u2028",
		"null", "true", "0", "1e3", "01", "{}", "[]", `{"S":"x"}`, `{"N":"1"}`, `{"BOOL":true}`, `{"S":`, `{"SS":[]}`, `{"x":1}`, `{ "S": "x" }`, "id", "n", "id:N", "n:S", "age:N", "raw:B", ":N", "a:S:S",
	}),
	rapid.String(),
	rapid.StringMatching(`[ ,"\r\n:SNB{}]{0,8}`),
)

func genNumber(t *rapid.T) item.Value {
	v, err := item.N(rapid.StringMatching(`-?[0-9]{1,19}(\.[0-9]{1,19})?(e-?[0-9]{1,2})?`).Draw(t, "number"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func genScalar(t *rapid.T) item.Value {
	switch rapid.IntRange(0, 4).Draw(t, "scalar") {
	case 0:
		return item.S(texts.Draw(t, "text"))
	case 1:
		return genNumber(t)
	case 2:
		return item.B(rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "bytes"))
	case 3:
		return item.BoolOf(rapid.Bool().Draw(t, "bool"))
	default:
		return item.NullValue()
	}
}

func genSet(t *rapid.T) item.Value {
	v := genScalar(t)
	kinds := map[item.Kind]item.Kind{item.String: item.StringSet, item.Number: item.NumberSet, item.Binary: item.BinarySet}
	kind, ok := kinds[v.Kind()]
	if !ok {
		return v
	}
	set, err := item.Set(kind, []item.Value{v})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func genValue(t *rapid.T, depth int) item.Value {
	switch rapid.IntRange(0, 6).Draw(t, "value") {
	case 0:
		if depth == 0 {
			return item.L()
		}
		return item.L(genValue(t, depth-1), genScalar(t))
	case 1:
		if depth == 0 {
			return item.M(nil)
		}
		return item.M(item.MapOf(item.Field{Name: "_" + texts.Draw(t, "name"), Value: genValue(t, depth-1)}))
	case 2:
		return genSet(t)
	default:
		return genScalar(t)
	}
}

// genItem makes an item of the table from. Its names come from a few, so that
// columns have values of one kind and of several.
func genItem(t *rapid.T, names []string, i int) item.Item {
	fields := []item.Field{{Name: "rank", Value: genNumber(t)}}
	for _, name := range names {
		if name != "" && rapid.Bool().Draw(t, "has") {
			fields = append(fields, item.Field{Name: name, Value: genValue(t, 2)})
		}
	}
	return item.MapOf(append(fields, item.Field{Name: "id", Value: item.S(texts.Draw(t, "id") + "_")}, item.Field{Name: "n", Value: item.NumOf(int64(i)).Value()})...)
}

// heading writes a string's column as the header of a CSV file has it.
func heading(name string) string {
	for _, suffix := range []string{":S", ":N", ":B"} {
		if strings.HasSuffix(name, suffix) {
			return name + ":S"
		}
	}
	return name
}

// Every value and every name survives an export and an import, in all formats, whether
// the columns of CSV are named or found.
func TestEveryValueSurvives(t *testing.T) {
	node, client := serve(t, nil)
	folder := t.TempDir()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		empty(t, node, "from", "id", "n")
		empty(t, node, "into", "id", "n")
		names := rapid.SliceOfN(texts, 0, 5).Draw(rt, "names")
		columns := map[string]bool{"rank": true}
		for i := range rapid.IntRange(0, 6).Draw(rt, "items") {
			it := genItem(rt, names, i)
			if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: "from", Item: it}); err != nil {
				rt.Fatal(err)
			}
			for _, f := range it {
				columns[heading(f.Name)] = true
			}
		}
		name := rapid.SampledFrom([]string{"a.json", "a.json.gz", "a.csv", "a.csv.gz"}).Draw(rt, "format")
		file := filepath.Join(folder, fmt.Sprint(round, name))
		o := transfer.ExportOptions{Client: client, Table: "from", File: file, Format: transfer.FormatOf(name), Segments: 1}
		if rapid.Bool().Draw(rt, "named") {
			o.Columns = slices.Sorted(maps.Keys(columns))
		}
		if _, err := transfer.Export(t.Context(), o); err != nil {
			rt.Fatal(err)
		}
		if _, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: o.Format}); err != nil {
			rt.Fatal(err)
		}
		if from, into := all(t, node, "from"), all(t, node, "into"); !slices.EqualFunc(from, into, item.EqualItems) {
			b, _ := os.ReadFile(file)
			rt.Errorf("%s: %v\ncame back as %v\nfrom %q", name, from, into, b)
		}
	})
}

// empty deletes all items of a table, whose key is of those attributes.
func empty(t *testing.T, node *tablecast.Node, name string, keys ...string) {
	t.Helper()
	for _, it := range all(t, node, name) {
		var key item.Item
		for _, k := range keys {
			if v, ok := it.Get(k); ok {
				key = key.With(k, v)
			}
		}
		if _, err := node.Tables().Delete(t.Context(), table.DeleteRequest{Table: name, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
}

// A table of keys alone is exported and imported, whatever their names and values,
// and so is one that is empty, whose CSV file names its keys.
func TestKeysAlone(t *testing.T) {
	node, url := servertest.Start(t, servertest.Options{Memory: true, Config: `
tables:
  binary-from: { key: { "\uFEFFk:N": B } }
  binary-into: { key: { "\uFEFFk:N": B } }
  string-from: { key: { id: S } }
  string-into: { key: { id: S } }
  empty-from: { key: { id: S, n: N } }
  empty-into: { key: { id: S, n: N } }
`})
	client := dynamodb.NewFromConfig(apitest.Config(url))
	for name, key := range map[string]item.Field{"binary": {Name: "\ufeffk:N", Value: item.B([]byte{1, 0, 255})}, "string": {Name: "id", Value: item.S("  ")}} {
		if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: name + "-from", Item: item.MapOf(key)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []transfer.Format{transfer.JSON, transfer.CSV} {
		for name, items := range map[string]int64{"binary": 1, "string": 1, "empty": 0} {
			file := filepath.Join(t.TempDir(), "a")
			if _, err := transfer.Export(t.Context(), transfer.ExportOptions{Client: client, Table: name + "-from", File: file, Format: format}); err != nil {
				t.Fatal(err)
			}
			if b := read(t, file); name == "empty" && format == transfer.CSV && string(b) != "id,n:N\n" {
				t.Errorf("CSV of an empty table: %q", b)
			}
			p, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: name + "-into", File: file, Format: format})
			if err != nil || p.Items != items || !slices.EqualFunc(all(t, node, name+"-from"), all(t, node, name+"-into"), item.EqualItems) {
				t.Errorf("%s of %s: %+v, %v: %v", format, name, p, err, all(t, node, name+"-into"))
			}
			empty(t, node, name+"-into", "\ufeffk:N", "id", "n")
		}
	}
}

// A CSV file that others wrote is read as it stands.
func TestForeignCSV(t *testing.T) {
	const head = "id,n,note\r\n"
	want := func(note string) item.Item {
		it := item.MapOf(item.Field{Name: "id", Value: item.S("a ")}, item.Field{Name: "n", Value: item.NumOf(1).Value()})
		if note != "" {
			it = it.With("note", item.S(note))
		}
		return it
	}
	for text, items := range map[string][]item.Item{
		"":                                   nil,
		head:                                 nil,
		"id,n":                               nil,
		"\ufeff" + head + "a ,1,x\r\n":       {want("x")},
		head + "a ,1,trailing \r\n":          {want("trailing ")},
		head + "a ,1,\"two\r\nlines\"\r\n":   {want("two\r\nlines")},
		head + "a ,1,\"\r\n\r\n\"":           {want("\r\n\r\n")},
		head + "\r\n  \r\n\"a \",\"1\",\r\n": {want("")},
		head + "a ,1,\"say \"\"hi\"\"\"":     {want(`say "hi"`)},
		head + "a ,1,01":                     {want("01")},
		"id,n,note:N\na ,1,01":               {want("").With("note", item.NumOf(1).Value())},
		"id,n,note:S:S\na ,1,01":             {want("").With("note:S", item.S("01"))},
		head + `a ,1,"{""NULL"":true}"`:      {want("").With("note", item.NullValue())},
	} {
		node, client := serve(t, nil)
		file := filepath.Join(t.TempDir(), "a.csv")
		write(t, file, text)
		p, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.CSV})
		if got := all(t, node, "into"); err != nil || p.Items != int64(len(items)) || !slices.EqualFunc(got, items, item.EqualItems) {
			t.Errorf("%q: %+v, %v: %v", text, p, err, got)
		}
	}
}

// A line of CSV that cannot be read says why, and takes no other line with it.
func TestBadCSV(t *testing.T) {
	for bad, want := range map[string]string{
		`5" pipe,1,x`:           "a.csv:2: a quote in a value",
		`"a"b,1,x`:              "a.csv:2: text after the closing quote",
		"a\xff,1,x":             "a.csv:2: not text in UTF-8",
		`a,1,"{""N"":""x""}"`:   "a.csv:2: note: The parameter cannot be converted to a numeric value: x",
		`a,1,"{""S"":1}"`:       "a.csv:2: note: begins as a value in DynamoDB JSON does",
		`a,1,"{""S"":""x""}}}"`: "a.csv:2: note: begins as a value in DynamoDB JSON does",
		`a,1,"{""S"":""x""},""w"":{""S"":""y""}"`: "a.csv:2: note: begins as a value in DynamoDB JSON does",
		"a,1": "a.csv:2: 2 values for 3 columns",
	} {
		node, client := serve(t, nil)
		file := filepath.Join(t.TempDir(), "a.csv")
		write(t, file, "id,n,note\n"+bad+"\nb,2,x\n")
		var aside strings.Builder
		p, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.CSV, Bad: &aside})
		if err != nil || p.Items != 1 || len(all(t, node, "into")) != 1 || !strings.Contains(aside.String(), want) {
			t.Errorf("%s: %+v, %v: %s", bad, p, err, aside.String())
		}
	}
	_, client := serve(t, nil)
	for _, header := range []string{"id,n,id", "id,n,x,x:N", "id,n,", "id,n,:N", `id,n"`} {
		file := filepath.Join(t.TempDir(), "a.csv")
		write(t, file, header+"\n")
		if _, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.CSV}); !errors.Is(err, transfer.ErrBad) || !strings.Contains(err.Error(), "a.csv:1: ") {
			t.Errorf("header %s: %v", header, err)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
