package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/target/claim"
)

// A folder is one beside the file, wherever the file was named from; other
// stores are what they are.
func TestClaimCheckStore(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for store, want := range map[string]string{
		"blobs":          "file://" + filepath.ToSlash(here) + "/sub/blobs",
		"large details":  "file://" + filepath.ToSlash(here) + "/sub/large%20details",
		"s3://bucket/x":  "s3://bucket/x",
		"/var/tmp/blobs": "file:///var/tmp/blobs",
	} {
		f, err := Parse(filepath.Join("sub", "tablecast.yaml"), []byte("mapping: { claim-check: { store: "+store+" } }"))
		if err != nil || f.ClaimCheck.Store != want || f.ClaimCheck.Above != defaultClaim {
			t.Errorf("%s: %+v, %v, want %s", store, f, err, want)
			continue
		}
		if !strings.HasPrefix(want, "file://"+filepath.ToSlash(here)) {
			continue
		}
		s, err := claim.Open(f.ClaimCheck.Store)
		if err != nil {
			t.Errorf("%s: %v", store, err)
			continue
		}
		ref, err := s.Put(t.Context(), "a", []byte("{}"))
		if err != nil {
			t.Error(err)
		}
		if got, err := s.Get(t.Context(), ref, 10); err != nil || string(got) != "{}" {
			t.Errorf("%s: %s, %v", ref, got, err)
		}
	}
}
