package transfer_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/sdkhttp"
	"github.com/tablecast/tablecast/internal/server/servertest"
	"github.com/tablecast/tablecast/internal/transfer"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

const tables = `
tables:
  from: { key: { id: S, n: N }, indexes: { by-rank: { key: { rank: N } } } }
  into: { key: { id: S, n: N }, indexes: { by-rank: { key: { rank: N } } } }
`

// serve runs a node with both tables and returns a client whose requests pass
// through the round tripper.
func serve(t *testing.T, through func(*http.Request) error) (*tablecast.Node, *dynamodb.Client) {
	t.Helper()
	node, url := servertest.Start(t, servertest.Options{Config: tables, Memory: true})
	c := apitest.Config(url)
	c.HTTPClient = sdkhttp.Client{HTTPClient: &http.Client{Transport: gate(through)}}
	return node, dynamodb.NewFromConfig(c)
}

// A gate lets requests through unless it says otherwise.
type gate func(*http.Request) error

func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if g != nil {
		if err := g(r); err != nil {
			return nil, err
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// everything has each kind of value.
func everything(i int) item.Item {
	n := item.NumOf(int64(i)).Value()
	set, err := item.Set(item.NumberSet, []item.Value{n, item.NumOf(-1).Value()})
	if err != nil {
		panic(err)
	}
	big, err := item.N("12345678901234567890123456789012345678e-20")
	if err != nil {
		panic(err)
	}
	return item.MapOf(
		item.Field{Name: "id", Value: item.S(fmt.Sprintf("%d, \"ü\"\n", i%7))}, item.Field{Name: "n", Value: n}, item.Field{Name: "rank", Value: n}, item.Field{Name: "big", Value: big},
		item.Field{Name: "raw", Value: item.B([]byte{0, 255})}, item.Field{Name: "yes", Value: item.BoolOf(true)}, item.Field{Name: "null", Value: item.NullValue()},
		item.Field{Name: "deep", Value: item.L(item.M(item.MapOf(item.Field{Name: "set", Value: set})), item.S(""))},
	)
}

func fill(t *testing.T, node *tablecast.Node, n int) {
	t.Helper()
	for i := range n {
		if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: "from", Item: everything(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

// all returns the items of a table.
func all(t *testing.T, node *tablecast.Node, name string) (out []item.Item) {
	t.Helper()
	var start item.Item
	for {
		page, err := node.Tables().Scan(t.Context(), table.ScanRequest{Table: name, Start: start})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page.Items...)
		if start = page.Last; start == nil {
			return out
		}
	}
}

// A table that is exported and imported again is the same table.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"items.json", "items.json.gz", "items.csv", "items.csv.gz"} {
		node, client := serve(t, nil)
		fill(t, node, 700)
		file := filepath.Join(t.TempDir(), name)
		p, err := transfer.Export(t.Context(), transfer.ExportOptions{Client: client, Table: "from", File: file, Format: transfer.FormatOf(name)})
		if err != nil || p.Items != 700 {
			t.Fatalf("%+v, %v", p, err)
		}
		p, err = transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.FormatOf(name)})
		if err != nil || p.Items != 700 {
			t.Fatalf("%+v, %v", p, err)
		}
		if !slices.EqualFunc(all(t, node, "from"), all(t, node, "into"), item.EqualItems) {
			t.Errorf("%s: the tables differ", name)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
		if err != nil || len(left) != 1 {
			t.Errorf("files left: %v, %v", left, err)
		}
	}
}

var errCut = errors.New("cut")

// An export or import that is cut short goes on where it was, and ends as if
// it had never been cut.
func TestGoesOn(t *testing.T) {
	var left atomic.Int64
	left.Store(1 << 40)
	node, client := serve(t, func(*http.Request) error {
		if left.Add(-1) < 0 {
			return errCut
		}
		return nil
	})
	for i := range 60 { // several pages
		big := everything(i).With("pad", item.S(strings.Repeat("x", 100_000)))
		if _, err := node.Tables().Put(t.Context(), table.PutRequest{Table: "from", Item: big}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"items.json", "items.json.gz", "items.csv"} {
		file := filepath.Join(t.TempDir(), name)
		cuts := 0
		for {
			left.Store(4)
			p, err := transfer.Export(t.Context(), transfer.ExportOptions{Client: client, Table: "from", File: file, Format: transfer.FormatOf(name), Segments: 1})
			if err == nil {
				if p.Items != 60 {
					t.Errorf("%s: %d items", name, p.Items)
				}
				break
			}
			if !errors.Is(err, errCut) || cuts > 20 {
				t.Fatal(err)
			}
			cuts++
			litter(t, file+".partial")
		}
		if n := lines(t, file); cuts == 0 || n < 60 || n > 61 && transfer.FormatOf(name) == transfer.JSON {
			t.Errorf("%s: %d lines after %d cuts", name, n, cuts)
		}
	}
	file := filepath.Join(t.TempDir(), "many.json")
	var text bytes.Buffer
	for i := range 1500 {
		fmt.Fprintf(&text, "{\"Item\":%s}\n", item.AppendJSON(nil, everything(i)))
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for ; ; cuts++ {
		left.Store(20)
		p, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.JSON})
		if err == nil {
			if p.Items != 1500 {
				t.Errorf("%d items", p.Items)
			}
			break
		}
		if !errors.Is(err, errCut) || cuts > 20 {
			t.Fatal(err)
		}
	}
	if got := len(all(t, node, "into")); got != 1500 || cuts < 2 {
		t.Errorf("%d items after %d cuts", got, cuts)
	}
}

// litter appends what a process that died in the middle of a write leaves.
func litter(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(`{"Item":{"half`); err != nil {
		t.Fatal(err)
	}
}

// lines counts the lines of a file.
func lines(t *testing.T, name string) int {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		zip, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(zip); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Count(b, []byte("\n"))
}

// A line that is no item is named with its place, and what is before it is
// stored; or it is put aside, and all others are stored.
func TestBadLines(t *testing.T) {
	good := func(i int) string { return `{"Item":` + string(item.AppendJSON(nil, everything(i))) + `}` }
	for _, c := range []struct{ name, bad, want string }{
		{"a.json", `{"Item":{"id":{"S":"x"},`, ":3:25: not JSON"},
		{"a.json", `{"Items":{}}`, ":3:"},
		{"a.json", `{"Item":{"id":{"S":"x"},"n":{"N":"one"}}}`, ":3: The parameter cannot be converted to a numeric value: one"},
		{"a.json", `{"Item":{"id":{"S":"x"}}}`, ":3: One or more parameter values were invalid: Missing the key n in the item"},
		{"a.json", `{"Item":{"id":{"S":"x"},"n":{"N":"1"},"pad":{"S":"` + strings.Repeat("x", 500_000) + `"}}}`, ":3: Item size has exceeded the maximum allowed size"},
		{"a.csv", "x,1", ":3: 2 values for 3 columns"},
		{"a.csv", "x,one,", ":3: n: "},
	} {
		node, client := serve(t, nil)
		text := good(1) + "\n" + good(2) + "\n" + c.bad + "\n" + good(3) + "\n" + good(3)
		if transfer.FormatOf(c.name) == transfer.CSV {
			text = "id,n,note\na,1,\n" + c.bad + "\nb,2,\"two\nlines\"\nb,2,again"
		}
		file := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o := transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.FormatOf(c.name)}
		_, err := transfer.Import(t.Context(), o)
		if !errors.Is(err, transfer.ErrBad) || !strings.Contains(err.Error(), file+c.want) {
			t.Errorf("%.60s: %v", c.bad, err)
		}
		var aside bytes.Buffer
		o.Bad = &aside
		if _, err := transfer.Import(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		want := 3
		if o.Format == transfer.CSV {
			want = 2
		}
		if got := len(all(t, node, "into")); got != want {
			t.Errorf("%.60s: %d items are stored, want %d", c.bad, got, want)
		}
		if !strings.Contains(aside.String(), c.bad) || strings.Count(aside.String(), file+":") != 1 {
			t.Errorf("%.60s: put aside %.200s", c.bad, aside.String())
		}
	}
}

// Lines that lack the key, or have nothing at all, are each put aside: they are not
// taken for the same item.
func TestLinesWithoutKey(t *testing.T) {
	for name, text := range map[string]string{
		"a.csv":  "id,n,note\n,,\n,1,one\nx,,two\n,1,three\nx,,four\nb,2,fine\n",
		"a.json": `{"Item":{}}` + "\n" + `{"Item":{"n":{"N":"1"}}}` + "\n" + `{"Item":{"n":{"N":"1"}}}` + "\n" + `{"Item":{"id":{"S":"x"}}}` + "\n" + `{"Item":{"id":{"S":"x"}}}` + "\n" + `{"Item":{"id":{"S":"b"},"n":{"N":"2"}}}`,
	} {
		node, client := serve(t, nil)
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var aside bytes.Buffer
		p, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.FormatOf(name), Bad: &aside})
		if n := strings.Count(aside.String(), file+":"); err != nil || n != 5 || p.Items != 1 || len(all(t, node, "into")) != 1 {
			t.Errorf("%s: %d items, %d put aside, %v:\n%s", name, p.Items, n, err, aside.String())
		}
	}
}

// An import that is cut short and goes on puts each bad line aside once.
func TestBadLinesAfterACut(t *testing.T) {
	var cut atomic.Bool
	cut.Store(true)
	_, client := serve(t, func(r *http.Request) error {
		if cut.Load() && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".BatchWriteItem") {
			return errCut
		}
		return nil
	})
	file := filepath.Join(t.TempDir(), "a.json")
	text := `{"Item":` + string(item.AppendJSON(nil, everything(1))) + "}\n{\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var aside bytes.Buffer
	o := transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.JSON, Bad: &aside}
	if _, err := transfer.Import(t.Context(), o); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	cut.Store(false)
	if _, err := transfer.Import(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(aside.String(), file+":2:"); n != 1 {
		t.Errorf("the bad line was put aside %d times:\n%s", n, aside.String())
	}
}

// A quote that nobody closes is found in time that is in proportion to the file.
func TestOpenQuote(t *testing.T) {
	_, client := serve(t, nil)
	file := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(file, []byte("id,n\n\"a,1\n"+strings.Repeat("b\n", 9<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := transfer.Import(t.Context(), transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.CSV})
	if !errors.Is(err, transfer.ErrBad) || !strings.Contains(err.Error(), "line 2 is longer than") {
		t.Error(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A broken archive and a table that is not there are told; nothing is lost.
func TestTransferErrors(t *testing.T) {
	_, client := serve(t, nil)
	file := filepath.Join(t.TempDir(), "a.json.gz")
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	fmt.Fprintf(zip, "{\"Item\":%s}\n", item.AppendJSON(nil, everything(1)))
	zip.Close()
	if err := os.WriteFile(file, packed.Bytes()[:packed.Len()-12], 0o600); err != nil {
		t.Fatal(err)
	}
	o := transfer.ImportOptions{Client: client, Table: "into", File: file, Format: transfer.JSON}
	if _, err := transfer.Import(t.Context(), o); !errors.Is(err, transfer.ErrBad) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a truncated file: %v", err)
	}
	o.Table = "none"
	if _, err := transfer.Import(t.Context(), o); err == nil || !strings.Contains(err.Error(), "table none") {
		t.Errorf("no table: %v", err)
	}
	write(t, file+".progress", "{")
	o.Table = "into"
	if _, err := transfer.Import(t.Context(), o); err == nil || !strings.Contains(err.Error(), "remove it to begin anew") {
		t.Errorf("half a progress file: %v", err)
	}
}
