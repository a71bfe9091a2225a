package connection

import (
	"errors"
	"io/fs"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/fsck"
	"github.com/tablecast/tablecast/internal/seal"
	"github.com/tablecast/tablecast/kv"
)

// Check reports what is wrong with the connections and the API destinations of a
// store which nobody writes: those that cannot be read, connections that the key
// does not open, and destinations whose connection does not exist. keyFile is the
// file of seal.LoadKey; if it is empty, the connections are not opened.
func Check(r kv.Reader, keyFile string, report *fsck.Report) {
	var key seal.Key
	var err error
	if keyFile != "" {
		key, err = seal.ReadKey(keyFile)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		report.FileFault(keyFile, -1, "%v; restore it from a copy", err)
	}
	names, sealed, opened := map[string]bool{}, 0, 0
	kv.Walk(r, kv.Prefix(kv.NewKey('k').Raw([]byte{'c'})), report, "connections", "connections", func(at, value []byte) {
		var c Connection
		if err := json.Unmarshal(value, &c); err != nil || string(at) != string(connectionKey(c.Name)) {
			report.Fault("connections", at, "the connection cannot be read: %v", err)
			return
		}
		names[c.Name] = true
		if len(c.Sealed) == 0 {
			return
		}
		sealed++
		if err != nil || keyFile == "" {
			return
		}
		if _, err := key.Open(c.Name, c.Sealed); err != nil {
			report.Fault("connection "+c.Name, at, "its parameters are %v than the one in %s; restore the file, or set them again", err, keyFile)
			return
		}
		opened++
	})
	if sealed > 0 && errors.Is(err, fs.ErrNotExist) {
		report.FileFault(keyFile, -1, "it is missing, and seals the parameters of %d connections; restore it from a copy, or set them again", sealed)
	}
	report.Count("connections opened", uint64(opened))
	kv.Walk(r, kv.Prefix(kv.NewKey('k').Raw([]byte{'d'})), report, "API destinations", "API destinations", func(at, value []byte) {
		var d Destination
		if err := json.Unmarshal(value, &d); err != nil || string(at) != string(destinationKey(d.Name)) {
			report.Fault("API destinations", at, "the destination cannot be read: %v", err)
			return
		}
		if !names[d.Connection] {
			report.Fault("API destination "+d.Name, at, "there is no connection %s", d.Connection)
		}
	})
}
