package server

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/kv"
)

// backup answers POST /_api/v1/backup {"dir": NAME}: the node writes a backup below
// root, the folder that its operator named. A client may be another user of the
// machine, for whom the node must not write elsewhere.
func backup(w http.ResponseWriter, r *http.Request, node *tablecast.Node, root string) {
	if !fromHere(w, r) {
		return
	}
	var in struct {
		Dir string `json:"dir"`
	}
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, 64<<10), &in, json.RejectUnknownMembers(true)); err != nil {
		refuse(w, http.StatusBadRequest, `the body must be {"dir": "NAME"}`)
		return
	}
	if root == "" {
		refuse(w, http.StatusForbidden, "this node writes no backups; name a folder for them at its start, with --backups")
		return
	}
	dir, err := placeBackup(root, in.Dir)
	if err == nil {
		err = node.Backup(r.Context(), dir)
	}
	bad := badRequest("")
	switch {
	case errors.As(err, &bad):
		refuse(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, kv.ErrExists):
		refuse(w, http.StatusConflict, dir+" exists; name a folder that does not, or, if an earlier request of yours was cut off, check with tablecast backup verify what it made")
	case errors.Is(err, kv.ErrBuilding):
		refuse(w, http.StatusConflict, dir+" is being made by another request; wait for its end, or name another folder")
	case errors.Is(err, os.ErrPermission):
		refuse(w, http.StatusForbidden, "the node may not write to "+root+"; name another folder for backups at its start, with --backups")
	case err != nil:
		refuse(w, http.StatusInternalServerError, err.Error())
	default:
		reply(w, http.StatusOK, map[string]string{"dir": dir})
	}
}

// placeBackup returns the path of a backup that a client names: a name, or a path
// below root, absolute or from there. It makes the folder that the backup goes in.
// No link leads out of root. Errors: badRequest, kv.ErrExists.
func placeBackup(root, name string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	below := filepath.Clean(name)
	if filepath.IsAbs(below) {
		if below, err = filepath.Rel(root, below); err != nil {
			return "", badRequest(err.Error())
		}
	}
	dir := filepath.Join(root, below)
	switch {
	case name == "" || below == "." || !filepath.IsLocal(below):
		return "", badRequest(fmt.Sprintf("%q is not below %s, the folder of this node's backups; write a name, as in monday", name, root))
	case strings.HasSuffix(below, kv.PartialSuffix):
		return "", badRequest("a name that ends with " + kv.PartialSuffix + " is that of a backup that is being made; write another")
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if err := r.MkdirAll(filepath.Dir(below), 0o700); err != nil {
		if errors.Is(err, os.ErrPermission) {
			return "", err
		}
		return "", badRequest(fmt.Sprintf("%s is no place for a backup: %v", dir, err))
	}
	if _, err := r.Lstat(below); !errors.Is(err, os.ErrNotExist) {
		return dir, fmt.Errorf("%w: %s", kv.ErrExists, dir) // also for a link that leads out of root
	}
	return dir, nil
}

func refuse(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"message": message})
}
