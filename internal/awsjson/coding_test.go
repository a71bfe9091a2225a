package awsjson

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// squeezed returns a text in a coding.
func squeezed(t testing.TB, coding, text string) string {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if coding == "deflate" {
		w = zlib.NewWriter(&out)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// echoed posts a body to Echo with a header.
func echoed(h http.Handler, header http.Header, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(body))
	r.Header = header.Clone()
	r.Header.Set("X-Amz-Target", "Echo_1.Echo")
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", json10)
	}
	h.ServeHTTP(w, r)
	return w
}

// A body in gzip or deflate is what it holds; one that is cut or followed by something
// else is refused.
func TestCompressedBodies(t *testing.T) {
	h := NewServer(Options{Services: []Service{echoing()}})
	const text = `{"a":"some text"}`
	for _, c := range []struct {
		name, coding, body string
		ok                 bool
	}{
		{"gzip", "gzip", squeezed(t, "gzip", text), true},
		{"upper case", "GZIP", squeezed(t, "gzip", text), true},
		{"two members", "gzip", squeezed(t, "gzip", text[:5]) + squeezed(t, "gzip", text[5:]), true},
		{"deflate", "deflate", squeezed(t, "deflate", text), true},
		{"identity", "identity", text, true},
		{"gzip that is none", "gzip", text, false},
		{"empty", "gzip", "", false},
		{"cut", "gzip", squeezed(t, "gzip", text)[:20], false},
		{"without its sum", "gzip", strings.TrimSuffix(squeezed(t, "gzip", text), "\x00"), false},
		{"followed by junk", "gzip", squeezed(t, "gzip", text) + "junk", false},
		{"deflate followed by junk", "deflate", squeezed(t, "deflate", text) + "junk", false},
		{"other coding", "deflate", squeezed(t, "gzip", text), false},
	} {
		w := echoed(h, http.Header{"Content-Encoding": {c.coding}}, c.body)
		if c.ok && (w.Code != 200 || w.Body.String() != text) {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if !c.ok && (w.Code != 400 || !strings.Contains(w.Body.String(), "SerializationException")) {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
}

// What a small body holds has the limits of a body, and claims room before it takes it.
func TestBombs(t *testing.T) {
	h := NewServer(Options{Services: []Service{echoing()}, MaxBody: 1 << 20, MaxInFlight: 4 << 20}).(*server)
	for _, coding := range []string{"gzip", "deflate"} {
		header := http.Header{"Content-Encoding": {coding}}
		for size, want := range map[int]int{1 << 20: 200, 1<<20 + 1: 413, 8 << 20: 413} {
			if w := echoed(h, header, squeezed(t, coding, strings.Repeat(" ", size))); w.Code != want {
				t.Errorf("%s of %d bytes: %d %.200s", coding, size, w.Code, w.Body)
			}
		}
		others := claim{budget: &h.budget}
		if !others.take(h.budget.total-(1<<20), true) {
			t.Fatal("no room")
		}
		if w := echoed(h, header, squeezed(t, coding, strings.Repeat(" ", 1<<20))); w.Code != 503 {
			t.Errorf("%s without room: %d %.200s", coding, w.Code, w.Body)
		}
		others.release()
	}
	if used(&h.budget) != 0 {
		t.Errorf("%d bytes are in use at the end", used(&h.budget))
	}
}

// Answers of more than 4 KiB are compressed for clients that accept it; the checksum is
// of the bytes as sent, and the content type that of the request.
func TestCompressedAnswers(t *testing.T) {
	h := NewServer(Options{Services: []Service{echoing()}}).(*server)
	for _, size := range []int{10, largeAnswer, largeAnswer + 1, 1 << 20} {
		for _, coding := range []string{"", "gzip", "deflate"} {
			text := `"` + strings.Repeat("x", size-2) + `"`
			w := echoed(h, http.Header{"Accept-Encoding": {coding}, "Content-Type": {"application/json; charset=utf-8"}}, text)
			want := coding
			if size <= largeAnswer {
				want = ""
			}
			if got := w.Header().Get("Content-Encoding"); got != want {
				t.Errorf("%d bytes for %q: coding %q", size, coding, got)
			}
			if got := fmt.Sprint(crc32.ChecksumIEEE(w.Body.Bytes())); got != w.Header().Get("X-Amz-Crc32") || fmt.Sprint(w.Body.Len()) != w.Header().Get("Content-Length") {
				t.Errorf("%d bytes for %q: checksum %s or length of the headers %v", size, coding, got, w.Header())
			}
			if got := w.Header().Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %s", got)
			}
			if got := plain(t, want, w.Body); got != text {
				t.Errorf("%d bytes for %q: %.100s", size, coding, got)
			}
		}
	}
	if used(&h.budget) != 0 {
		t.Errorf("%d bytes are in use at the end", used(&h.budget))
	}
}

// plain returns what a text in a coding holds.
func plain(t *testing.T, coding string, body *bytes.Buffer) string {
	t.Helper()
	if coding == "" {
		return body.String()
	}
	from, err := inflater(coding, bytes.NewReader(body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What clients write into Accept-Encoding, and what DynamoDB makes of it.
func TestAccepted(t *testing.T) {
	for header, want := range map[string]string{
		"": "", "identity": "", "br": "", "x-gzip": "", "*;q=0": "", "gzip ;q=0": "", `"gzip"`: "", "gzip br": "", "gzip:q=1": "",
		"identity;q=0": "", "br;q=0.8,identity;q=0.5,*;q=0": "", "gzip;nq=1;q=0 ": "",
		"gzip": "gzip", "gzip, deflate": "gzip", "GZIP, identity": "gzip", "dog, gzip ,, cat": "gzip", "*": "gzip", "*, identity": "gzip",
		"gzip;q=0.8, deflate;q=0.5": "gzip", "*, deflate;q=0.5": "gzip", "*;q=0.5,identity": "gzip", "gzip;q=0.5,identity;q=0.8": "gzip",
		"deflate;q=0.5, gzip;q=31": "gzip", "gzip;q=31,deflate;q=51": "gzip", "deflate;q=0.5, gzip;q=1;q=0.2": "gzip",
		"deflate;q=0.5,gzip;q=0.x": "gzip", "deflate;q=-0.5,gzip;q=0.2": "gzip", "gzip;q=0, gzip;q=1, gzip;q=0": "gzip", "br,identity;q=0.5,gzip;q=0.0001": "gzip",
		"br, identity, deflate, gzip": "deflate", "br, gzip;q=0, deflate; q = 0.5 , identity;q=0": "deflate", "*, deflate": "deflate", "*, gzip;q=0.5": "deflate",
		"deflate;q=0.5, gzip;q=0.2": "deflate", "deflate;q=0.5,gzip;q=0.": "deflate",
	} {
		if got := accepted([]string{header}); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
	if got := accepted([]string{"identity", "gzip"}) + accepted([]string{"gzip", "identity"}); got != "gzip" {
		t.Errorf("of two headers the last counts, got %q", got)
	}
}
