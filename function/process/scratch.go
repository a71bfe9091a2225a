package process

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	// scratchPrefix begins the names of functions' temporary folders.
	scratchPrefix = "tablecast-function-"
	// scratchLock is a file in such a folder. The program that made the folder holds
	// a lock on it, which the system takes away when that program ends.
	scratchLock = "LOCK"
)

// A scratch is the temporary folder of one function: bootstraps, and what is made of
// the code. It is made when it is needed first, and again if it is gone.
type scratch struct {
	base string // the folder that it is made in; empty for the system's
	user *User  // who reads it besides this program's user; may be nil

	mu   sync.Mutex
	dir  string   // guarded by mu; empty while there is none
	lock *os.File // guarded by mu
}

// folder returns the folder, with the bootstraps in it.
func (s *scratch) folder() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir != "" && isFile(filepath.Join(s.dir, nodeBootstrap)) && isFile(filepath.Join(s.dir, pythonBootstrap)) {
		return s.dir, nil
	}
	s.removeLocked()
	if err := s.makeLocked(); err != nil {
		s.removeLocked()
		return "", err
	}
	return s.dir, nil
}

// makeLocked makes the folder. It is locked before anything else is in it: a Sweep
// of another program that comes between finds no lock file, and leaves it alone.
func (s *scratch) makeLocked() (err error) {
	if s.dir, err = os.MkdirTemp(s.base, scratchPrefix); err != nil {
		return err
	}
	if s.lock, err = os.OpenFile(filepath.Join(s.dir, scratchLock), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err // a Sweep has it just now; the next invocation makes another folder
	}
	err = errors.Join(writeOnce(filepath.Join(s.dir, nodeBootstrap), nodeSource), writeOnce(filepath.Join(s.dir, pythonBootstrap), pythonSource))
	if err != nil || s.user == nil {
		return err
	}
	return errors.Join(s.user.makeTemp(filepath.Join(s.dir, userTemp)), s.user.Share(s.dir))
}

func (s *scratch) removeLocked() {
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // what is left goes with the next Sweep
	}
	if s.lock != nil {
		s.lock.Close()
	}
	s.dir, s.lock = "", nil
}

// remove removes the folder.
func (s *scratch) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLocked()
}

// Sweep removes the temporary folders of functions that programs which were killed
// left in base, empty for the system's folder: those of this user, with a lock that
// no program holds.
func Sweep(base string) error {
	if base == "" {
		base = os.TempDir()
	}
	found, err := filepath.Glob(filepath.Join(base, scratchPrefix+"*"))
	for _, dir := range found {
		info, bad := os.Lstat(dir)
		if bad != nil || !info.IsDir() || !isOwn(info) {
			continue
		}
		lock, bad := os.OpenFile(filepath.Join(dir, scratchLock), os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if bad != nil {
			continue
		}
		// Removed under the lock: its maker, if it comes just now, fails to lock it.
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		lock.Close()
	}
	return err
}

func isOwn(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
