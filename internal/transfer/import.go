package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/tablecast/tablecast/internal/attribute"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/item"
)

// ImportOptions say what to import. Client, Table, File and Format are required.
type ImportOptions struct {
	Client *dynamodb.Client
	Table  string
	File   string
	Format Format
	// Progress is the path of the progress file. The default is File and ".progress".
	Progress string
	// Bad receives the lines that are no items, each below the reason. If nil, the
	// first such line ends the import.
	Bad io.Writer
	// Report is called with the progress after each round of batches.
	Report func(Progress)
}

const (
	batchItems = 25
	lanes      = 8 // batches under way at once
)

// An importState is the progress file of an import.
type importState struct {
	Of       subject   `json:"of"`
	Size     int64     `json:"size"`     // of the file when it was last read, as it stands on the disk
	Modified time.Time `json:"modified"` // likewise
	Offset   int64     `json:"offset"`
	Line     int       `json:"line"`
	Sum      string    `json:"sum"` // of the file before Offset
	Items    int64     `json:"items"`
}

// Import stores the items of a file in a table, later lines over earlier ones.
// A batch whose items the server leaves unprocessed is sent again with rising
// pauses. Errors: ErrBad with file, line and column, what the server says, or
// the context's; then everything before the position in the progress file is
// stored, and another call goes on there. What is behind the position may have
// changed meanwhile, as when a bad line was mended; if what is before it has, or
// the progress file is of another transfer, the call fails.
func Import(ctx context.Context, o ImportOptions) (Progress, error) {
	if o.Progress == "" {
		o.Progress = o.File + ".progress"
	}
	table, err := describe(ctx, o.Client, o.Table)
	if err != nil {
		return Progress{}, err
	}
	im := &importer{o: o, keys: table.keys}
	of := newSubject("import", o.Table, table.id, o.File, o.Format, nil)
	resumed, err := load(o.Progress, &im.state)
	if err == nil && resumed {
		err = im.state.Of.check(o.Progress, of)
	}
	if err != nil {
		return Progress{}, err
	}
	im.state.Of = of
	file, err := os.Open(o.File)
	if err != nil {
		return Progress{}, fmt.Errorf("transfer: %w", err)
	}
	defer file.Close()
	if im.src, err = newSource(file, o.File, o.Format, table.kinds); err != nil {
		return Progress{}, err
	}
	if err := im.begin(file, resumed); err != nil {
		return Progress{}, err
	}
	if err := im.run(ctx); err != nil {
		return im.progress(), err
	}
	return im.progress(), forget(o.Progress)
}

// An importer stores one file.
type importer struct {
	o     ImportOptions
	keys  []string
	src   *source
	state importState
}

func (im *importer) progress() Progress { return Progress{im.state.Items, im.state.Offset} }

// begin goes to the position that is resumed, and notes what the file is now.
func (im *importer) begin(file *os.File, resumed bool) error {
	if resumed {
		same, err := im.src.resume(im.state.Offset, im.state.Line, im.state.Sum)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrBad, im.o.File, err)
		}
		if !same {
			return fmt.Errorf("transfer: what the import has stored of %s, which had %d bytes and was of %s, has changed since; remove %s to begin anew",
				im.o.File, im.state.Size, im.state.Modified.Format(time.RFC3339), im.o.Progress)
		}
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	im.state.Size, im.state.Modified = info.Size(), info.ModTime().UTC()
	return nil
}

// run stores round after round, each of which ends at a line of which all
// before are stored.
func (im *importer) run(ctx context.Context) error {
	for {
		rows, readErr := im.gather()
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return fmt.Errorf("%w: %s: %w", ErrBad, im.o.File, readErr)
		}
		if len(rows) > 0 {
			if err := im.round(ctx, rows); err != nil {
				return err
			}
		}
		if errors.Is(readErr, io.EOF) {
			return nil
		}
	}
}

// gather reads the rows of one round.
func (im *importer) gather() (rows []row, err error) {
	for len(rows) < lanes*batchItems {
		r, err := im.src.read()
		if err != nil {
			return rows, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// round stores rows, up to the first bad one unless bad ones are put aside, and
// saves the position.
func (im *importer) round(ctx context.Context, rows []row) error {
	good, bad := im.sort(rows)
	refused, err := im.store(ctx, good)
	if err != nil {
		return err
	}
	bad = append(bad, refused...)
	slices.SortFunc(bad, func(a, b *badLine) int { return a.line - b.line })
	if len(bad) > 0 && im.o.Bad == nil {
		return im.fault(bad[0])
	}
	// Bad lines are put aside after the good ones are stored and before the position
	// is saved: a round that fails and is done again puts none aside twice, and one
	// that a crash cuts off here loses none.
	for _, b := range bad {
		if err := im.setAside(b); err != nil {
			return err
		}
	}
	im.state.Offset, im.state.Line, im.state.Sum = im.src.offset, im.src.line, sumOf(im.src.sum)
	im.state.Items += int64(len(good) - len(refused))
	if im.o.Report != nil {
		im.o.Report(im.progress())
	}
	return save(im.o.Progress, im.state)
}

// sort returns the rows that are items, the last of each key, and the bad ones.
// Unless bad ones are put aside, nothing behind the first one counts.
func (im *importer) sort(rows []row) (good []row, bad []*badLine) {
	places := map[string]int{}
	for _, r := range rows {
		if r.bad != nil {
			if bad = append(bad, r.bad); im.o.Bad == nil {
				return good, bad
			}
			continue
		}
		if id, whole := im.id(r.it); whole {
			if at, twice := places[id]; twice {
				good[at] = r
				continue
			}
			places[id] = len(good)
		}
		good = append(good, r) // without its whole key it is like no other; the server says what it lacks
	}
	return good, bad
}

// id returns the key of an item as a text; whole is false if the item lacks an
// attribute of its key.
func (im *importer) id(it item.Item) (id string, whole bool) {
	var key item.Item
	for _, name := range im.keys {
		v, ok := it.Get(name)
		if !ok {
			return "", false
		}
		key = key.With(name, v)
	}
	return string(item.AppendBinary(nil, key)), true
}

// fault returns the error of a bad line.
func (im *importer) fault(b *badLine) error {
	if b.column > 0 {
		return fmt.Errorf("%w: %s:%d:%d: %w", ErrBad, im.o.File, b.line, b.column, b.err)
	}
	return fmt.Errorf("%w: %s:%d: %w", ErrBad, im.o.File, b.line, b.err)
}

func (im *importer) setAside(b *badLine) error {
	_, err := fmt.Fprintf(im.o.Bad, "%s:%d: %v\n%s\n", im.o.File, b.line, b.err, b.text)
	return err
}

// store stores rows of different keys, several batches at once, and returns
// those that the server refuses, in no order.
func (im *importer) store(ctx context.Context, rows []row) (bad []*badLine, err error) {
	var mu sync.Mutex // guards bad and errs
	var storing sync.WaitGroup
	var errs []error
	for begin := 0; begin < len(rows); begin += batchItems {
		batch := rows[begin:min(begin+batchItems, len(rows))]
		storing.Go(func() {
			refused, err := im.storeBatch(ctx, batch)
			mu.Lock()
			defer mu.Unlock()
			bad = append(bad, refused...)
			errs = append(errs, err)
		})
	}
	storing.Wait()
	return bad, errors.Join(errs...)
}

// storeBatch stores a batch. If the server refuses it as a whole, its rows are
// stored one by one to find those that are wrong.
func (im *importer) storeBatch(ctx context.Context, rows []row) (bad []*badLine, err error) {
	requests := make([]types.WriteRequest, len(rows))
	for i, r := range rows {
		requests[i] = types.WriteRequest{PutRequest: &types.PutRequest{Item: attribute.FromItem(r.it)}}
	}
	err = im.send(ctx, requests)
	if !isValidation(err) {
		return nil, err
	}
	for _, r := range rows {
		_, err := im.o.Client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &im.o.Table, Item: attribute.FromItem(r.it)})
		switch {
		case isValidation(err):
			bad = append(bad, &badLine{r.line, 0, r.text, reasonOf(err)})
		case err != nil:
			return bad, err
		}
	}
	return bad, nil
}

// send sends requests until all are processed, with rising pauses.
func (im *importer) send(ctx context.Context, requests []types.WriteRequest) error {
	pause := wait.Backoff{Least: 50 * time.Millisecond, Most: 10 * time.Second}
	for {
		out, err := im.o.Client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{im.o.Table: requests}})
		if err != nil {
			return err
		}
		if requests = out.UnprocessedItems[im.o.Table]; len(requests) == 0 {
			return nil
		}
		if err := pause.Wait(ctx); err != nil {
			return err
		}
	}
}

func isValidation(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "ValidationException"
}

// reasonOf returns what the server said, without the SDK's frame.
func reasonOf(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return errors.New(api.ErrorMessage())
	}
	return err
}
