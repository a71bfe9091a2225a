package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/server"
)

// More half-open connections than a node keeps open do not keep others out, and what
// is refused is counted.
func TestCrowdedAndCounted(t *testing.T) {
	const memory = 16 << 20 // 64 connections
	_, url := serve(t, server.Options{Memory: memory, Refusals: server.NewRefusals()})
	for range 200 {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	for body, want := range map[string]int{`{}`: 400, strings.Repeat(" ", 17<<20): 413} {
		if status, _, text := post(t, url, "DynamoDB_20120810.PutItem", body); status != want {
			t.Errorf("%d %.200s", status, text)
		}
	}
	resp, err := http.Get(url + "/metrics")
	ok(t, err)
	defer resp.Body.Close()
	counts := map[string]int{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var kind string
		var n int
		if _, err := fmt.Sscanf(lines.Text(), "tablecast_refused_requests_total{kind=%q} %d", &kind, &n); err == nil {
			counts[kind] = n
		}
	}
	if counts["crowded"] < 100 || counts["malformed"] != 1 || counts["too-large"] != 1 || len(counts) != 9 {
		t.Errorf("counts %v", counts)
	}
}
