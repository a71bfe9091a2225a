package keys

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

// followEvery is how often a Ring looks at its file.
const followEvery = 500 * time.Millisecond

// A Ring holds the keys of a folder while a node runs. Any goroutine may call its
// methods; Run is called once.
type Ring struct {
	dir    string
	own    []Key
	logger *slog.Logger
	now    atomic.Pointer[state] // what the file said last
	read   []byte                // the file as Run read it last; of Run
	failed bool                  // Run said that the file cannot be read; of Run
}

// A state is immutable.
type state struct {
	closed bool
	byID   map[string]Key
}

// Open reads the keys of a folder. own are keys that this process made for itself; they
// are not in the file, and do not close the folder. Errors: those of List.
func Open(dir string, logger *slog.Logger, own ...Key) (*Ring, error) {
	r := &Ring{dir: dir, own: own, logger: logger}
	all, closed, err := List(dir)
	if err != nil {
		return nil, err
	}
	r.set(closed, all)
	return r, nil
}

func (r *Ring) set(closed bool, all []Key) {
	s := &state{closed, map[string]Key{}}
	for _, list := range [][]Key{r.own, all} {
		for _, k := range list {
			s.byID[k.ID] = k
		}
	}
	r.now.Store(s)
}

// Closed reports whether requests must be signed. Once true, it stays true while the
// process runs.
func (r *Ring) Closed() bool { return r.now.Load().closed }

// Find returns the key of an ID, expired or not.
func (r *Ring) Find(id string) (Key, bool) {
	k, ok := r.now.Load().byID[id]
	return k, ok
}

// Run follows the folder's file until ctx ends: what is created or revoked takes effect
// within a second. While the file of a closed folder is missing or cannot be read, no
// key is valid but the process's own.
func (r *Ring) Run(ctx context.Context) {
	for wait.Sleep(ctx, followEvery) == nil {
		r.follow()
	}
}

// follow puts a changed file into effect.
func (r *Ring) follow() {
	raw, err := readFile(filepath.Join(r.dir, fileName))
	if errors.Is(err, fs.ErrNotExist) && !r.Closed() || err == nil && r.read != nil && bytes.Equal(raw, r.read) {
		return
	}
	var all []Key
	if err == nil {
		// If the file is replaced between the two reads, raw is not what List saw: the
		// next look finds the file changed and reads it again.
		all, _, err = List(r.dir)
	}
	r.set(true, all)
	switch {
	case err == nil:
		r.read, r.failed = raw, false
	case !r.failed:
		r.logger.Error("the node's keys cannot be read; requests are refused until they can", "error", err)
		fallthrough
	default:
		r.read, r.failed = nil, true
	}
}
