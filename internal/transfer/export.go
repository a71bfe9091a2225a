package transfer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
	// Columns are the attributes of CSV after the keys, as they stand in the header:
	// one whose name does not say the kind of its values has that of the first page.
	// The default is the attributes of the first page.
	Columns []string
	// Progress is the path of the progress file. The default is File and ".progress".
	Progress string
	// Report is called with the progress after each page.
	Report func(Progress)
}

// An exportState is the progress file of an export.
type exportState struct {
	Of       subject   `json:"of"`
	Header   []string  `json:"header,omitzero"` // of CSV, once it is written
	Size     int64     `json:"size"`            // of the file that holds all that is done
	Sum      string    `json:"sum"`             // of the file before Size
	Items    int64     `json:"items"`
	Bytes    int64     `json:"bytes"`
	Segments []segment `json:"segments"`
}

// A segment is a part of a table: done, or read up to the key After.
type segment struct {
	After item.Item `json:"after,omitzero"`
	Done  bool      `json:"done,omitzero"`
}

// errNoColumn means that an item has an attribute for which the header, which is
// written, has no column.
var errNoColumn = errors.New("transfer: an attribute has no column")

// Export writes all items of a table to a file, in no order. Items that change
// meanwhile are as before or as after. It writes to FILE.partial, and renames
// it at the end. Errors: what the server or the file system says, or the
// context's; another call goes on where this one ended, unless an attribute had no
// column. It fails if the progress file is of another transfer, or if FILE.partial
// is not what was left.
func Export(ctx context.Context, o ExportOptions) (Progress, error) {
	if o.Progress == "" {
		o.Progress = o.File + ".progress"
	}
	if o.Segments == 0 {
		o.Segments = 4
	}
	table, err := describe(ctx, o.Client, o.Table)
	if err != nil {
		return Progress{}, err
	}
	ex := &exporter{o: o, table: table, partial: o.File + ".partial", sum: sha256.New()}
	if err := ex.resume(newSubject("export", o.Table, table.id, o.File, o.Format, o.Columns)); err != nil {
		return Progress{}, err
	}
	if err := ex.run(ctx); err != nil {
		if errors.Is(err, errNoColumn) {
			err = errors.Join(err, forget(o.Progress, ex.partial))
		}
		return ex.progress(), err
	}
	// The file has its name before the position goes. A crash between the two leaves
	// a position without a file, with which the next export begins anew.
	if err := os.Rename(ex.partial, o.File); err != nil {
		return ex.progress(), fmt.Errorf("transfer: %w", err)
	}
	return ex.progress(), forget(o.Progress)
}

// An exporter writes one file.
type exporter struct {
	o       ExportOptions
	table   schema
	partial string // the name of the file while it is not complete

	mu      sync.Mutex // guards all below
	file    *os.File
	sum     hash.Hash // of the file
	columns []column  // of CSV; nil until the header is written
	state   exportState
}

func (ex *exporter) progress() Progress { return Progress{ex.state.Items, ex.state.Bytes} }

// resume reads the progress file, if there is one, and opens the file that it is of.
func (ex *exporter) resume(of subject) (err error) {
	found, err := load(ex.o.Progress, &ex.state)
	if err != nil {
		return err
	}
	if found {
		if err := ex.state.Of.check(ex.o.Progress, of); err != nil {
			return err
		}
	}
	if _, err := os.Stat(ex.partial); !found || errors.Is(err, os.ErrNotExist) {
		ex.state = exportState{Of: of, Sum: sumOf(ex.sum), Segments: make([]segment, ex.o.Segments)}
	}
	if ex.state.Header != nil {
		if ex.columns, err = columnsOf(ex.state.Header, ex.table.kinds); err != nil {
			return fmt.Errorf("transfer: %s: %w; remove it to begin anew", ex.o.Progress, err)
		}
	}
	if ex.file, err = os.OpenFile(ex.partial, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	if err := ex.cut(); err != nil {
		return errors.Join(err, ex.file.Close())
	}
	return nil
}

// cut leaves of the file what the position says is done, and goes to its end.
func (ex *exporter) cut() error {
	_, err := io.CopyN(ex.sum, ex.file, ex.state.Size)
	if errors.Is(err, io.EOF) || err == nil && sumOf(ex.sum) != ex.state.Sum {
		return fmt.Errorf("transfer: %s is not as the export left it; remove it and %s to begin anew", ex.partial, ex.o.Progress)
	}
	if err == nil {
		err = ex.file.Truncate(ex.state.Size)
	}
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return nil
}

func (ex *exporter) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, ex.file.Sync(), ex.file.Close()) }()
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
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if ex.o.Format == CSV && ex.columns == nil { // the table is empty
		_, err = ex.append(ex.header(nil))
	}
	return err
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
	ex.state.Sum = sumOf(ex.sum)
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
	ex.sum.Write(text)
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

// encodeCSV writes lines of CSV, before the first items with the header.
func (ex *exporter) encodeCSV(items []item.Item) ([]byte, error) {
	var out []byte
	if ex.columns == nil && len(items) > 0 {
		out = ex.header(items)
	}
	for _, it := range items {
		line := make([]string, len(ex.columns))
		for _, f := range it {
			i := slices.IndexFunc(ex.columns, func(c column) bool { return c.name == f.Name })
			if i < 0 {
				all := append(slices.Clone(ex.state.Header[len(ex.table.keys):]), column{f.Name, item.String}.heading())
				return nil, fmt.Errorf("%w, as the first items lack it: name all columns with --columns %s", errNoColumn, strings.Join(all, ","))
			}
			line[i] = ex.columns[i].text(f.Value)
		}
		out = appendLine(out, line)
	}
	return out, nil
}

// header chooses the columns, of which the first items say more, and returns the line
// that names them.
func (ex *exporter) header(items []item.Item) []byte {
	for _, name := range ex.table.keys {
		ex.columns = append(ex.columns, column{name, ex.table.kinds[name]})
	}
	seen := seenKinds(items)
	add := func(c column) {
		if !slices.ContainsFunc(ex.columns, func(o column) bool { return o.name == c.name }) {
			ex.columns = append(ex.columns, c)
		}
	}
	for _, heading := range ex.o.Columns {
		add(columnOf(heading, seen))
	}
	if ex.o.Columns == nil {
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			add(column{name, seen[name]})
		}
	}
	for _, c := range ex.columns {
		ex.state.Header = append(ex.state.Header, c.heading())
	}
	return appendLine(nil, ex.state.Header)
}

// seenKinds returns the attributes of items, each with the kind that suits a column
// of its values.
func seenKinds(items []item.Item) map[string]item.Kind {
	kinds := map[string]item.Kind{}
	for _, it := range items {
		for _, f := range it {
			kind := f.Value.Kind()
			if before, ok := kinds[f.Name]; ok && before != kind || suffixes[kind] == "" {
				kind = item.String
			}
			kinds[f.Name] = kind
		}
	}
	return kinds
}
