package transfer

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"
)

// A subject is what a progress file is of. A call goes on from a progress file only
// if its own subject is the same.
type subject struct {
	What    string   `json:"what"` // export or import
	Table   string   `json:"table"`
	TableID string   `json:"table_id,omitzero"`
	File    string   `json:"file"` // without its folder, which may be moved
	Format  Format   `json:"format"`
	Columns []string `json:"columns,omitzero"` // that an export was asked for
}

func newSubject(what, table, id, file string, format Format, columns []string) subject {
	return subject{what, table, id, filepath.Base(file), format, columns}
}

// check reports that a progress file of s does not serve a call for another
// subject.
func (s subject) check(progress string, other subject) error {
	var of string
	switch {
	case s.What != other.What || s.Table != other.Table || s.File != other.File || s.Format != other.Format:
		of = fmt.Sprintf("an %s of table %s with file %s as %s", s.What, s.Table, s.File, s.Format)
	case s.TableID != other.TableID:
		of = fmt.Sprintf("an %s of an earlier table %s", s.What, s.Table)
	case !slices.Equal(s.Columns, other.Columns):
		of = "an export with other columns"
	default:
		return nil
	}
	return fmt.Errorf("transfer: %s belongs to %s; remove it to begin anew", progress, of)
}

// load reads a progress file; ok is false if there is none.
func load(name string, v any) (ok bool, err error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return false, fmt.Errorf("transfer: %s: %w; remove it to begin anew", name, err)
	}
	return true, nil
}

// save replaces a progress file. It is whole after a power failure: as it was
// before, or as it is now.
func save(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("transfer: %s: %w", name, err)
	}
	temp := name + ".new"
	if err := writeSynced(temp, b); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return os.Rename(temp, name)
}

func writeSynced(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// forget removes files that may not be there.
func forget(names ...string) error {
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("transfer: %w", err)
		}
	}
	return nil
}

// sumOf returns what a hash has come to, which may go on.
func sumOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
