package main

import (
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// writeJSON writes a value as one line of JSON, as --json promises. Invalid
// UTF-8, as paths may have it, becomes U+FFFD.
func writeJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// readJSON reads a line that a node answered into a struct, whose fields take
// the members of their names in any case. Events may have duplicate names.
func readJSON(line []byte, v any) error {
	return json.Unmarshal(line, v, json.MatchCaseInsensitiveNames(true), jsontext.AllowDuplicateNames(true))
}
