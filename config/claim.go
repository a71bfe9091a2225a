package config

import (
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// A ClaimCheck says where details go that are too large for the bus. The zero
// value is nowhere.
type ClaimCheck struct {
	Above int    // bytes of a detail
	Store string // URL
}

// Bounds of the size above which a detail is stored.
const (
	minClaim     = 1 << 10
	maxClaim     = 1 << 20
	defaultClaim = maxClaim - 4096 // so that the envelope has room, too
)

// claimCheck reads where large details go.
func (r *reader) claimCheck(n ast.Node) {
	fields := r.fields(n, "claim-check", "above", "store")
	c := ClaimCheck{Above: defaultClaim}
	if v, ok := fields["above"]; ok {
		if c.Above, ok = bytesOf(v.GetToken().Value); !ok || c.Above < minClaim || c.Above > maxClaim {
			r.fault(v, "above of claim-check is "+quoted(v.GetToken().Value), "write 1KB to 1MB, as in 256KB")
		}
	}
	if v, ok := fields["store"]; ok {
		c.Store, _ = r.text(v, "store of claim-check")
		if c.Store != "" && !strings.Contains(c.Store, "://") {
			c.Store = r.folderURL(v, c.Store)
		}
	}
	if c.Store == "" {
		r.fault(n, "claim-check has no store", "add store: a folder, or s3://BUCKET/PREFIX")
	}
	r.file.ClaimCheck = c
}

// folderURL returns the URL of a folder, whose path starts at the file's own.
func (r *reader) folderURL(n ast.Node, path string) string {
	whole, err := filepath.Abs(r.fromFile(path))
	if err != nil {
		r.fault(n, "store of claim-check: "+err.Error(), "write a whole path")
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(whole)}).String()
}

// bytesOf reads a number of bytes, which may end with KB or MB.
func bytesOf(text string) (int, bool) {
	unit := 1
	for suffix, n := range map[string]int{"KB": 1 << 10, "MB": 1 << 20} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = strings.TrimSpace(rest), n
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxClaim {
		return 0, false
	}
	return n * unit, true
}
