package transfer_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/transfer"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// cuttable runs a node whose client fails after as many requests as are set.
func cuttable(t *testing.T) (*tablecast.Node, *dynamodb.Client, *atomic.Int64) {
	t.Helper()
	var left atomic.Int64
	left.Store(1 << 40)
	node, client := serve(t, func(*http.Request) error {
		if left.Add(-1) < 0 {
			return errCut
		}
		return nil
	})
	return node, client, &left
}

// fillPages puts items into the table from, of which a page of a scan holds ten.
func fillPages(t *testing.T, node *tablecast.Node, n int) {
	t.Helper()
	for i := range n {
		big := everything(i).With("pad", item.S(strings.Repeat("x", 100_000)))
		if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: "from", Item: big}); err != nil {
			t.Fatal(err)
		}
	}
}

// read returns what a file holds.
func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cutExport begins an export, which is cut, and returns the progress file.
func cutExport(t *testing.T, o transfer.ExportOptions, left *atomic.Int64) []byte {
	t.Helper()
	left.Store(4)
	defer left.Store(1 << 40)
	if p, err := transfer.Export(t.Context(), o); !errors.Is(err, errCut) || p.Items == 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	return read(t, o.File+".progress")
}

// A position that was left behind, whose file has its name already, does not make a
// file of what is not there: the export begins anew.
func TestExportOverLeftOverProgress(t *testing.T) {
	node, client, left := cuttable(t)
	fillPages(t, node, 60)
	for _, name := range []string{"a.json", "a.csv.gz"} {
		file := filepath.Join(t.TempDir(), name)
		o := transfer.ExportOptions{Client: client, Table: "from", File: file, Format: transfer.FormatOf(name), Segments: 1}
		halfway := cutExport(t, o, left)
		if err := os.Mkdir(file, 0o700); err != nil { // the export ends before the file gets its name
			t.Fatal(err)
		}
		if _, err := transfer.Export(t.Context(), o); err == nil {
			t.Fatal("a folder was replaced")
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		done := read(t, file+".progress")
		for _, progress := range [][]byte{done, done, halfway} {
			write(t, file+".progress", string(progress))
			p, err := transfer.Export(t.Context(), o)
			if n := lines(t, file); err != nil || p.Items != 60 || n < 60 {
				t.Errorf("%s: %+v, %v, %d lines", name, p, err, n)
			}
		}
	}
}

// An export goes on with what it left alone: not with a file that is shorter or
// another, in another format, with other columns, or of a table made anew.
func TestExportKnowsItsFile(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*transfer.ExportOptions, *dynamodb.Client)
		want   string
	}{
		"shorter": {func(o *transfer.ExportOptions, _ *dynamodb.Client) { write(t, o.File+".partial", "{}") }, "a.csv.partial is not as the export left it"},
		"another": {func(o *transfer.ExportOptions, _ *dynamodb.Client) {
			write(t, o.File+".partial", strings.Repeat("x", len(read(t, o.File+".partial"))))
		}, "a.csv.partial is not as the export left it"},
		"format": {func(o *transfer.ExportOptions, _ *dynamodb.Client) { o.Format = transfer.JSON }, "an export of table from with file a.csv as csv"},
		"table":  {func(o *transfer.ExportOptions, _ *dynamodb.Client) { o.Table = "into" }, "an export of table from"},
		"file": {func(o *transfer.ExportOptions, _ *dynamodb.Client) {
			o.Progress, o.File = o.File+".progress", o.File+".gz"
		}, "with file a.csv as csv"},
		"columns": {func(o *transfer.ExportOptions, _ *dynamodb.Client) { o.Columns = []string{"big"} }, "an export with other columns"},
		"anew":    {func(_ *transfer.ExportOptions, client *dynamodb.Client) { makeAnew(t, client, "from") }, "an earlier table from"},
	} {
		node, client, left := cuttable(t)
		fillPages(t, node, 60)
		file := filepath.Join(t.TempDir(), "a.csv")
		write(t, file, "good")
		o := transfer.ExportOptions{Client: client, Table: "from", File: file, Format: transfer.CSV, Segments: 1}
		cutExport(t, o, left)
		c.change(&o, client)
		if _, err := transfer.Export(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "to begin anew") {
			t.Errorf("%s: %v", what, err)
		}
		if got := read(t, file); string(got) != "good" {
			t.Errorf("%s: the file became %.40q", what, got)
		}
	}
}

// makeAnew deletes a table and creates one of its name and key.
func makeAnew(t *testing.T, client *dynamodb.Client, name string) {
	t.Helper()
	if _, err := client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
		t.Fatal(err)
	}
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}, {AttributeName: aws.String("n"), AttributeType: "N"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("n"), KeyType: types.KeyTypeRange}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// An attribute without a column ends an export, and the one with the columns that
// the error names is whole.
func TestMissingColumn(t *testing.T) {
	node, client, _ := cuttable(t)
	fillPages(t, node, 30)
	file := filepath.Join(t.TempDir(), "a.csv")
	o := transfer.ExportOptions{Client: client, Table: "from", File: file, Format: transfer.CSV, Columns: []string{"big"}}
	for i := range 20 {
		_, err := transfer.Export(t.Context(), o)
		if err == nil {
			break
		}
		_, columns, ok := strings.Cut(err.Error(), "--columns ")
		if !ok || i == 19 {
			t.Fatal(err)
		}
		o.Columns = strings.Split(columns, ",")
	}
	p, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.CSV})
	if err != nil || p.Items != 30 {
		t.Errorf("%+v, %v", p, err)
	}
}

// cutImport writes a file of 400 items and imports half of it.
func cutImport(t *testing.T, client *dynamodb.Client, left *atomic.Int64, file string) (transfer.ImportOptions, []byte) {
	t.Helper()
	var text bytes.Buffer
	for i := range 400 {
		fmt.Fprintf(&text, "{\"Item\":%s}\n", item.AppendJSON(nil, everything(i)))
	}
	write(t, file, text.String())
	o := transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.JSON}
	left.Store(9) // a DescribeTable and a round of batches
	defer left.Store(1 << 40)
	if p, err := transfer.Import(t.Context(), o); !errors.Is(err, errCut) || p.Items != 200 {
		t.Fatalf("%+v, %v", p, err)
	}
	return o, text.Bytes()
}

// An import goes on in the file that it was reading alone, in the same format and
// into the same table: else items would be missing, and nothing would say so.
func TestImportKnowsItsFile(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*transfer.ImportOptions, *dynamodb.Client, []byte)
		want   string
	}{
		"content": {func(o *transfer.ImportOptions, _ *dynamodb.Client, text []byte) {
			write(t, o.File, strings.Replace(string(text), "0, ", "8, ", 1))
		}, "a.json, which had"},
		"shorter": {func(o *transfer.ImportOptions, _ *dynamodb.Client, text []byte) {
			write(t, o.File, string(text[:len(text)/3]))
		}, "a.json, which had"},
		"name": {func(o *transfer.ImportOptions, _ *dynamodb.Client, text []byte) {
			o.Progress = o.File + ".progress"
			o.File += "2"
			write(t, o.File, string(text))
		}, "an import of table into with file a.json as json"},
		"format": {func(o *transfer.ImportOptions, _ *dynamodb.Client, _ []byte) { o.Format = transfer.CSV }, "an import of table into with file a.json as json"},
		"table":  {func(o *transfer.ImportOptions, _ *dynamodb.Client, _ []byte) { o.Table = "from" }, "an import of table into"},
		"anew":   {func(_ *transfer.ImportOptions, client *dynamodb.Client, _ []byte) { makeAnew(t, client, "into") }, "an import of an earlier table into"},
	} {
		node, client, left := cuttable(t)
		o, text := cutImport(t, client, left, filepath.Join(t.TempDir(), "a.json"))
		c.change(&o, client, text)
		before := len(all(t, node, "into"))
		if _, err := transfer.Import(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "to begin anew") {
			t.Errorf("%s: %v", what, err)
		}
		if got := len(all(t, node, "into")); got != before {
			t.Errorf("%s: %d items after %d", what, got, before)
		}
	}
}

// What is behind the position of an import may change, as when a bad line is mended.
func TestImportGoesOnBehindAMendedLine(t *testing.T) {
	node, client, left := cuttable(t)
	o, text := cutImport(t, client, left, filepath.Join(t.TempDir(), "a.json"))
	write(t, o.File, string(text)+fmt.Sprintf("{\"Item\":%s}\n", item.AppendJSON(nil, everything(400))))
	p, err := transfer.Import(t.Context(), o)
	if got := len(all(t, node, "into")); err != nil || p.Items != 401 || got != 401 {
		t.Errorf("%+v, %v, %d items", p, err, got)
	}
}

// An import and an export of one file do not go on from each other's position.
func TestImportOverProgressOfExport(t *testing.T) {
	node, client, left := cuttable(t)
	fillPages(t, node, 60)
	file := filepath.Join(t.TempDir(), "a.json")
	write(t, file, "")
	cutExport(t, transfer.ExportOptions{Client: client, Table: "from", File: file, Format: transfer.JSON, Segments: 1}, left)
	_, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "from", File: file, Format: transfer.JSON})
	if err == nil || !strings.Contains(err.Error(), "belongs to an export of table from") {
		t.Error(err)
	}
}
