package claim_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tablecast/tablecast/target/claim"
)

// Each store gives back what it got, and tells what it did not get.
func TestStores(t *testing.T) {
	stores := map[string]string{"folder": "file://" + filepath.ToSlash(t.TempDir()) + "/blobs"}
	if endpoint := moto(t); endpoint != "" {
		t.Setenv("AWS_ACCESS_KEY_ID", "key")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
		stores["bucket"] = "s3://claims/some/prefix?region=us-east-1&endpoint=" + endpoint
		makeBucket(t, endpoint+"/claims")
	}
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			s, err := claim.Open(url)
			if err != nil {
				t.Fatal(err)
			}
			content := []byte(`{"text":"` + strings.Repeat("x", 2<<20) + `"}`)
			detail, err := claim.Check(t.Context(), s, "6f1c-A_1", content)
			if err != nil {
				t.Fatal(err)
			}
			again, err := claim.Check(t.Context(), s, "6f1c-A_1", content)
			if err != nil || string(again) != string(detail) || len(detail) > 400 {
				t.Errorf("%s, then %s, %v", detail, again, err)
			}
			if got, err := claim.Fetch(t.Context(), s, detail); err != nil || string(got) != string(content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if _, err := s.Put(t.Context(), "6f1c-A_1", []byte("{}")); err != nil {
				t.Fatal(err)
			}
			if _, err := claim.Fetch(t.Context(), s, detail); !errors.Is(err, claim.ErrMismatch) {
				t.Errorf("other content: %v", err)
			}
			r, _ := claim.ParseReference(detail)
			for _, ref := range []string{"file:///etc/passwd", "s3://other/key", "https://example.com/", strings.ReplaceAll(r.Ref, "6f1c", "../6f1c"), ":"} {
				if _, err := s.Get(t.Context(), ref, 10); !errors.Is(err, claim.ErrForeign) {
					t.Errorf("%s: %v", ref, err)
				}
			}
			if _, err := s.Get(t.Context(), strings.ReplaceAll(r.Ref, "6f1c", "none"), 10); err == nil || errors.Is(err, claim.ErrForeign) {
				t.Errorf("a content that is gone: %v", err)
			}
			for _, bad := range []string{"", "../x", "a/b", "a.b"} {
				if _, err := s.Put(t.Context(), bad, nil); err == nil {
					t.Errorf("%q is a name", bad)
				}
			}
		})
	}
}

// moto starts a server that speaks S3, if there is one on this machine.
func moto(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("moto_server")
	if err != nil {
		return ""
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.CommandContext(t.Context(), path, "-H", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		<-tick.C
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "http://" + address
		}
	}
	t.Fatal("the server did not start")
	return ""
}

func makeBucket(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

func TestParseReference(t *testing.T) {
	for detail, want := range map[string]bool{
		`{"claimCheck":{"ref":"file:///x","sha256":"","size":1}}`: true,
		`{"claimCheck":{"ref":"file:///x"},"id":1}`:               false,
		`{"claimCheck":"x"}`:                                      false, `{}`: false, `{"claimCheck":null}`: false, `[]`: false,
	} {
		if _, ok := claim.ParseReference([]byte(detail)); ok != want {
			t.Errorf("%s: %v", detail, ok)
		}
	}
	if _, err := claim.Fetch(t.Context(), nil, []byte(`{"claimCheck":{"ref":"file:///x","sha256":"","size":99999999999}}`)); !errors.Is(err, claim.ErrMismatch) {
		t.Error(err)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	for _, url := range []string{"", "file://", "ftp://x/y", "s3:///x", "%", "s3://bucket/x"} {
		if _, err := claim.Open(url); err == nil || !errors.Is(err, claim.ErrURL) && url != "s3://bucket/x" {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// What is older goes, what is younger stays.
func TestTrim(t *testing.T) {
	f, err := claim.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ref, err := f.Put(t.Context(), "a", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Trim(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := f.Trim(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := f.Get(t.Context(), ref, 10); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A consumer gets the detail itself, wherever it is.
func ExampleFetch() {
	dir, _ := os.MkdirTemp("", "claims")
	defer os.RemoveAll(dir)
	store, _ := claim.OpenFolder(dir)
	ctx := context.Background()

	large, _ := claim.Check(ctx, store, "event-id", []byte(`{"id": "u1", "photo": "…"}`)) // as the node does
	for _, detail := range [][]byte{large, []byte(`{"id": "u2"}`)} {
		content, err := claim.Fetch(ctx, store, detail)
		fmt.Println(string(content), err)
	}
	// Output:
	// {"id": "u1", "photo": "…"} <nil>
	// {"id": "u2"} <nil>
}
