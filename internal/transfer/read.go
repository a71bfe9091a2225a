package transfer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
)

// maxLine bounds a line: an item of 400 KB takes less than 3 MB as JSON.
const maxLine = 16 << 20

// A badLine is a line that cannot be an item.
type badLine struct {
	line, column int // from 1; column 0: the whole line
	text         []byte
	err          error
}

// A row is one line of a file: an item, or why it is none.
type row struct {
	it   item.Item
	bad  *badLine
	line int
	text []byte
}

// A source reads the lines of a file.
type source struct {
	in      *bufio.Reader
	line    int
	offset  int64
	sum     hash.Hash // of all before offset
	format  Format
	columns []column // of CSV
}

// newSource begins to read a file.
func newSource(in io.Reader, name string, format Format, kinds map[string]item.Kind) (*source, error) {
	if strings.HasSuffix(name, ".gz") {
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBad, name, err)
		}
		in = unzip
	}
	s := &source{in: bufio.NewReaderSize(in, 1<<20), sum: sha256.New(), format: format}
	if mark, err := s.in.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		if err := s.skip(int64(len(mark))); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBad, name, err)
		}
	}
	if format == CSV {
		if err := s.readHeader(kinds); err != nil {
			return nil, fmt.Errorf("%w: %s:1: %w", ErrBad, name, err)
		}
	}
	return s, nil
}

// readHeader reads the first line of CSV. A file without one has no items.
func (s *source) readHeader(kinds map[string]item.Kind) error {
	text, err := s.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	headings, err := splitLine(string(text))
	if err != nil {
		return err
	}
	s.columns, err = columnsOf(headings, kinds)
	return err
}

// skip reads n bytes that are not looked at.
func (s *source) skip(n int64) error {
	got, err := io.CopyN(s.sum, s.in, n)
	s.offset += got
	return err
}

// resume goes on from a position that ended a line, if what is before it has the
// sum that it had.
func (s *source) resume(offset int64, line int, sum string) (same bool, err error) {
	err = s.skip(max(offset-s.offset, 0))
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	s.line = line
	return s.offset == offset && sumOf(s.sum) == sum, nil
}

// next returns the next line without its end. A line of CSV goes on over quoted
// line ends.
func (s *source) next() ([]byte, error) {
	var text []byte
	var state csvState
	for {
		part, err := s.in.ReadSlice('\n')
		text = append(text, part...)
		if s.format == CSV {
			state = state.after(part)
		}
		s.offset += int64(len(part))
		s.sum.Write(part)
		switch {
		case len(text) > maxLine:
			return nil, fmt.Errorf("line %d is longer than %d bytes", s.line+1, maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && state == inQuotes:
			continue
		case errors.Is(err, io.EOF) && len(text) > 0:
			err = nil
		}
		s.line++
		text = bytes.TrimSuffix(text, []byte("\n"))
		return bytes.TrimSuffix(text, []byte("\r")), err
	}
}

// read returns the next row, or io.EOF.
func (s *source) read() (row, error) {
	for {
		text, err := s.next()
		if err != nil {
			return row{}, err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		r := row{line: s.line, text: text}
		parse := parseJSON
		if s.format == CSV {
			parse = s.parseCSV
		}
		var column int
		if r.it, column, err = parse(text); err != nil {
			r.bad = &badLine{s.line, column, text, err}
		}
		return r, nil
	}
}

// parseJSON reads {"Item": {…}}.
func parseJSON(text []byte) (it item.Item, column int, err error) {
	var line struct{ Item *item.Map }
	err = json.Unmarshal(text, &line, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	var value *item.Error
	switch {
	case errors.As(err, &value):
		err = value
	case errors.As(err, &syntax):
		return nil, int(syntax.ByteOffset) + 1, fmt.Errorf("not JSON: %w", syntax.Err)
	case errors.As(err, &semantic):
		return nil, int(semantic.ByteOffset) + 1, errors.New(`not an item; write {"Item": {"id": {"S": "…"}}}`)
	case err == nil && line.Item == nil:
		err = errors.New(`no item; write {"Item": {"id": {"S": "…"}}}`)
	}
	if err != nil {
		return nil, 0, err
	}
	return *line.Item, 0, nil
}

// parseCSV reads the values of one line. An empty one is an absent attribute.
func (s *source) parseCSV(text []byte) (it item.Item, column int, err error) {
	values, err := splitLine(string(text))
	if err != nil {
		return nil, 0, err
	}
	if len(values) != len(s.columns) {
		return nil, 0, fmt.Errorf("%d values for %d columns", len(values), len(s.columns))
	}
	var out []item.Field
	for i, text := range values {
		if text == "" {
			continue
		}
		v, err := s.columns[i].value(text)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", s.columns[i].name, err)
		}
		out = append(out, item.Field{Name: s.columns[i].name, Value: v})
	}
	return item.MapOf(out...), 0, nil
}
