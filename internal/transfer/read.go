package transfer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
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
	end  int64 // where the next line begins
	text []byte
}

// A source reads the lines of a file.
type source struct {
	in     *bufio.Reader
	line   int
	offset int64
	format Format
	header []string
	kinds  map[string]string // types of the key attributes, for CSV
}

// newSource begins to read a file from an offset, which ends a line.
func newSource(in io.Reader, name string, format Format, kinds map[string]string, offset int64, line int) (*source, error) {
	if strings.HasSuffix(name, ".gz") {
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrBad, name, err)
		}
		in = unzip
	}
	s := &source{in: bufio.NewReaderSize(in, 1<<20), format: format, kinds: kinds}
	if format == CSV {
		if err := s.readHeader(); err != nil {
			return nil, fmt.Errorf("%w: %s:1: %w", ErrBad, name, err)
		}
	}
	if offset > s.offset {
		if _, err := io.CopyN(io.Discard, s.in, offset-s.offset); err != nil {
			return nil, fmt.Errorf("transfer: %s is shorter than when the import was left: %w", name, err)
		}
		s.offset, s.line = offset, line
	}
	return s, nil
}

func (s *source) readHeader() error {
	text, err := s.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.header, err = fields(text)
	if err != nil {
		return err
	}
	for i, name := range s.header {
		if name == "" {
			return fmt.Errorf("column %d of the header has no name", i+1)
		}
	}
	return nil
}

// next returns the next line with its end. A line of CSV goes on over quoted
// line ends.
func (s *source) next() ([]byte, error) {
	var text []byte
	quotes := 0 // counted once each, however many lines a value has
	for {
		part, err := s.in.ReadSlice('\n')
		text = append(text, part...)
		quotes += bytes.Count(part, []byte{'"'})
		s.offset += int64(len(part))
		switch {
		case len(text) > maxLine:
			return nil, fmt.Errorf("line %d is longer than %d bytes", s.line+1, maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil && s.format == CSV && quotes%2 == 1:
			continue
		case errors.Is(err, io.EOF) && len(text) > 0:
			err = nil
		}
		s.line++
		return text, err
	}
}

// read returns the next row, or io.EOF.
func (s *source) read() (row, error) {
	for {
		text, err := s.next()
		if err != nil {
			return row{}, err
		}
		trimmed := bytes.TrimSpace(text)
		if len(trimmed) == 0 {
			continue
		}
		r := row{line: s.line, end: s.offset, text: trimmed}
		parse := parseJSON
		if s.format == CSV {
			parse = s.parseCSV
		}
		var column int
		if r.it, column, err = parse(trimmed); err != nil {
			r.bad = &badLine{s.line, column, trimmed, err}
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
	values, err := fields(text)
	if err != nil {
		return nil, 0, err
	}
	if len(values) != len(s.header) {
		return nil, 0, fmt.Errorf("%d values for %d columns", len(values), len(s.header))
	}
	var out []item.Field
	for i, text := range values {
		if text == "" {
			continue
		}
		v, err := typed(text, s.kinds[s.header[i]])
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", s.header[i], err)
		}
		out = append(out, item.Field{Name: s.header[i], Value: v})
	}
	return item.MapOf(out...), 0, nil
}

// typed reads a value of a key attribute's type, or a string.
func typed(text, kind string) (item.Value, error) {
	switch kind {
	case "N":
		return item.N(text)
	case "B":
		raw, err := base64.StdEncoding.DecodeString(text)
		return item.B(raw), err
	default:
		return item.S(text), nil
	}
}

// fields splits a line of CSV.
func fields(text []byte) ([]string, error) {
	r := csv.NewReader(bytes.NewReader(text))
	values, err := r.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		err = parse.Err
	}
	return values, err
}
