package transfer

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/internal/attribute"
	"github.com/tablecast/tablecast/item"
)

// ExportOptions say what to export. Client, Table, File and Format are required.
type ExportOptions struct {
	Client *dynamodb.Client
	Table  string
	File   string
	Format Format
	// Segments is how many parts of the table are read at once. The default is
	// 4.
	Segments int
	// Columns are the attributes of CSV after the keys. The default is those of
	// the first page.
	Columns []string
	// Progress is the path of the progress file. The default is File and ".progress".
	Progress string
	// Report is called with the progress after each page.
	Report func(Progress)
}

// An exportState is the progress file of an export.
type exportState struct {
	Table    string    `json:"table"`
	Columns  []string  `json:"columns,omitzero"`
	Size     int64     `json:"size"` // of the file that holds all that is done
	Items    int64     `json:"items"`
	Bytes    int64     `json:"bytes"`
	Segments []segment `json:"segments"`
}

// A segment is a part of a table: done, or read up to the key After.
type segment struct {
	After item.Item `json:"after,omitzero"`
	Done  bool      `json:"done,omitzero"`
}

// Export writes all items of a table to a file, in no order. Items that change
// meanwhile are as before or as after. It writes to FILE.partial, and renames
// it at the end. Errors: what the server or the file system says, or the
// context's; another call goes on where this one ended.
func Export(ctx context.Context, o ExportOptions) (Progress, error) {
	if o.Progress == "" {
		o.Progress = o.File + ".progress"
	}
	if o.Segments == 0 {
		o.Segments = 4
	}
	_, own, err := keyTypes(ctx, o.Client, o.Table)
	if err != nil {
		return Progress{}, err
	}
	ex := &exporter{o: o, keys: own, state: exportState{Table: o.Table, Segments: make([]segment, o.Segments)}}
	if _, err := load(o.Progress, &ex.state); err != nil {
		return Progress{}, err
	}
	if ex.state.Table != o.Table {
		return Progress{}, fmt.Errorf("transfer: %s belongs to an export of table %s; remove it to begin anew", o.Progress, ex.state.Table)
	}
	if err := ex.run(ctx); err != nil {
		return ex.progress(), err
	}
	err = os.Rename(o.File+".partial", o.File)
	return ex.progress(), errors.Join(err, os.Remove(o.Progress))
}

// An exporter writes one file.
type exporter struct {
	o    ExportOptions
	keys []string
	file *os.File

	mu    sync.Mutex
	state exportState // guarded by mu, as the writing of the file
}

func (ex *exporter) progress() Progress { return Progress{ex.state.Items, ex.state.Bytes} }

func (ex *exporter) run(ctx context.Context) (err error) {
	if ex.file, err = os.OpenFile(ex.o.File+".partial", os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	defer func() { err = errors.Join(err, ex.file.Sync(), ex.file.Close()) }()
	if err := ex.file.Truncate(ex.state.Size); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	if _, err := ex.file.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var reading sync.WaitGroup
	for i := range ex.state.Segments {
		reading.Go(func() {
			if err := ex.segment(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	reading.Wait()
	return context.Cause(ctx)
}

// segment reads one part of the table to its end.
func (ex *exporter) segment(ctx context.Context, i int) error {
	total := len(ex.state.Segments)
	ex.mu.Lock()
	at := ex.state.Segments[i]
	ex.mu.Unlock()
	for !at.Done {
		in := &dynamodb.ScanInput{TableName: &ex.o.Table, Segment: aws.Int32(int32(i)), TotalSegments: aws.Int32(int32(total))}
		if at.After != nil {
			in.ExclusiveStartKey = attribute.FromItem(at.After)
		}
		page, err := ex.o.Client.Scan(ctx, in)
		if err != nil {
			return err
		}
		at = segment{Done: page.LastEvaluatedKey == nil}
		if !at.Done {
			if at.After, err = attribute.ToItem(page.LastEvaluatedKey); err != nil {
				return err
			}
		}
		if err := ex.write(i, at, page.Items); err != nil {
			return err
		}
	}
	return nil
}

// write appends the items of a page to the file, then saves the position.
func (ex *exporter) write(i int, at segment, page []map[string]types.AttributeValue) error {
	items := make([]item.Item, len(page))
	for j, attributes := range page {
		var err error
		if items[j], err = attribute.ToItem(attributes); err != nil {
			return err
		}
	}
	ex.mu.Lock()
	defer ex.mu.Unlock()
	text, err := ex.encode(items)
	if err != nil {
		return err
	}
	written, err := ex.append(text)
	if err != nil {
		return err
	}
	// The items are durable before the position that says so. A crash between the
	// two leaves them behind Size, where the next export cuts the file.
	ex.state.Size += written
	ex.state.Bytes += int64(len(text))
	ex.state.Items += int64(len(items))
	ex.state.Segments[i] = at
	if ex.o.Report != nil {
		ex.o.Report(ex.progress())
	}
	return save(ex.o.Progress, ex.state)
}

// append writes the text, durably, as a member of its own if the file is
// compressed: what is remembered ends with a whole member.
func (ex *exporter) append(text []byte) (int64, error) {
	if strings.HasSuffix(ex.o.File, ".gz") {
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, err := zip.Write(text)
		if err := errors.Join(err, zip.Close()); err != nil {
			return 0, err
		}
		text = packed.Bytes()
	}
	n, err := ex.file.Write(text)
	if err == nil {
		err = ex.file.Sync()
	}
	if err != nil {
		return 0, fmt.Errorf("transfer: %w", err)
	}
	return int64(n), nil
}

func (ex *exporter) encode(items []item.Item) ([]byte, error) {
	if ex.o.Format == CSV {
		return ex.encodeCSV(items)
	}
	var out []byte
	for _, it := range items {
		out = append(item.AppendJSON(append(out, `{"Item":`...), it), '}', '\n')
	}
	return out, nil
}

// encodeCSV writes lines of CSV, at the beginning of the file with the header.
func (ex *exporter) encodeCSV(items []item.Item) ([]byte, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if ex.state.Columns == nil && len(items) > 0 {
		ex.state.Columns = ex.columns(items)
		if err := w.Write(ex.state.Columns); err != nil {
			return nil, err
		}
	}
	for _, it := range items {
		line := make([]string, len(ex.state.Columns))
		for _, f := range it {
			i := slices.Index(ex.state.Columns, f.Name)
			if i < 0 {
				return nil, fmt.Errorf("transfer: attribute %s has no column, as the first items lack it; name all columns with --columns %s,%s",
					f.Name, strings.Join(ex.state.Columns[len(ex.keys):], ","), f.Name)
			}
			line[i] = cell(f.Value)
		}
		if err := w.Write(line); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

// columns returns the keys and the attributes that were asked for, or those
// that the items have.
func (ex *exporter) columns(items []item.Item) []string {
	more := slices.Clone(ex.o.Columns)
	if more == nil {
		for _, it := range items {
			for _, f := range it {
				more = append(more, f.Name)
			}
		}
		slices.Sort(more)
	}
	out := slices.Clone(ex.keys)
	for _, name := range more {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// cell writes a value: strings and numbers as they are, binary in base64, all
// else as DynamoDB's JSON.
func cell(v item.Value) string {
	switch v.Kind() {
	case item.String, item.Number:
		return v.Str()
	default:
		b := item.AppendJSON(nil, item.MapOf(item.Field{Name: "v", Value: v}))
		text := b[len(`{"v":`) : len(b)-1]
		if v.Kind() == item.Binary {
			inner := bytes.TrimSuffix(bytes.TrimPrefix(text, []byte(`{"B":`)), []byte{'}'})
			plain, err := jsontext.AppendUnquote(nil, inner)
			if err == nil {
				return string(plain)
			}
		}
		return string(text)
	}
}
