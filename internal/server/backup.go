package server

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/kv"
)

// backup answers POST /_api/v1/backup {"dir": FOLDER}: the node writes a backup
// to the folder of its own machine. So only a client on that machine may ask,
// and no page of a browser, which cannot send JSON to another origin unasked.
func backup(w http.ResponseWriter, r *http.Request, node *tablecast.Node) {
	if !fromHere(w, r) {
		return
	}
	var in struct {
		Dir string `json:"dir"`
	}
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, 64<<10), &in, json.RejectUnknownMembers(true)); err != nil {
		refuse(w, http.StatusBadRequest, `the body must be {"dir": "FOLDER"}`)
		return
	}
	if !filepath.IsAbs(in.Dir) {
		refuse(w, http.StatusBadRequest, "dir must be an absolute path")
		return
	}
	switch err := node.Backup(r.Context(), in.Dir); {
	case errors.Is(err, kv.ErrExists):
		refuse(w, http.StatusConflict, in.Dir+" exists; name a folder that does not")
	case errors.Is(err, os.ErrPermission):
		refuse(w, http.StatusForbidden, "the node may not write to "+in.Dir)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err.Error())
	default:
		reply(w, http.StatusOK, map[string]string{"dir": in.Dir})
	}
}

func refuse(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"message": message})
}
