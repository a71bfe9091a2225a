package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// userTemp is the temporary folder, below that of the function, of processes that
// run as another user.
const userTemp = "tmp"

// A User is whom function processes run as, with its own group and no other.
type User struct {
	UID, GID uint32
	Home     string
}

// FindUser returns the user of a name or number, who must not be root. Only root can
// run processes as another one.
func FindUser(name string) (*User, error) {
	found, err := user.Lookup(name)
	if err != nil {
		if _, number := strconv.Atoi(name); number != nil {
			return nil, fmt.Errorf("no user is called %s", name)
		}
		if found, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("no user has the number %s", name)
		}
	}
	uid, bad := strconv.ParseUint(found.Uid, 10, 32)
	gid, worse := strconv.ParseUint(found.Gid, 10, 32)
	if err := errors.Join(bad, worse); err != nil {
		return nil, err
	}
	if uid == 0 {
		return nil, fmt.Errorf("%s is root, as functions run without a user; name another", name)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("only root can run functions as %s", name)
	}
	return &User{UID: uint32(uid), GID: uint32(gid), Home: found.HomeDir}, nil
}

// Share lets the user read a folder of this program's user and all below it, and run
// the programs there, but change nothing.
func (u *User) Share(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == userTemp && path == filepath.Join(dir, userTemp) {
			return fs.SkipDir // it is the user's own
		}
		if err := os.Lchown(path, -1, int(u.GID)); err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		own := info.Mode().Perm() & 0o700
		return os.Chmod(path, own|own>>3&0o050)
	})
}

// makeTemp makes a folder of the user's own.
func (u *User) makeTemp(dir string) error {
	return errors.Join(os.Mkdir(dir, 0o700), os.Lchown(dir, int(u.UID), int(u.GID)))
}

// credential returns whom the processes of functions run as: the user, or who runs
// this program, in either case without the groups that this program has besides its
// own. Only root can give those up; nil leaves all as it is.
func credential(u *User) *syscall.Credential {
	switch {
	case u != nil:
		return &syscall.Credential{Uid: u.UID, Gid: u.GID}
	case os.Geteuid() == 0:
		return &syscall.Credential{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid())}
	}
	return nil
}
