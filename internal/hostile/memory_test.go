package hostile

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

// TestMemory attacks the memory and the descriptors of a node that may take 256 MiB
// and open 1,024 files: with what is large once it is decoded, with bodies that never
// come, with connections that say nothing, and with answers that nobody reads.
// After each a small write is answered, and in the end the node took no more than it
// may, and an eighth for what the Go runtime cannot foresee.
func TestMemory(t *testing.T) {
	const may = 256 << 20
	v := startSmall(t)
	t.Run("sets of small numbers", func(t *testing.T) {
		big := `{"TableName":"health","Item":{"id":{"S":"u"},"n":{"NS":[` + strings.Repeat(`"1",`, 3_500_000) + `"2"]}}}`
		var calls sync.WaitGroup
		for range 8 {
			calls.Go(func() {
				// The answer may be lost: a server that refuses a body does not read it.
				if status, body, err := v.post("PutItem", big); err == nil && status < 400 {
					t.Errorf("a set of 14 MB: %d %s", status, body)
				}
			})
		}
		calls.Wait()
		v.works(t)
	})
	t.Run("bodies that never come", func(t *testing.T) {
		for range 140 {
			v.dial(t, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n"+
				"Content-Type: application/x-amz-json-1.0\r\nContent-Length: 2000000\r\n\r\n{")
		}
		v.works(t)
	})
	t.Run("half-open connections", func(t *testing.T) {
		for range 1300 {
			v.dial(t, "POST / HTTP/1.1\r\n")
		}
		v.works(t)
	})
	t.Run("answers that nobody reads", func(t *testing.T) {
		var keys []string
		for i := range 40 {
			status, body, err := v.post("PutItem", fmt.Sprintf(`{"TableName":"health","Item":{"id":{"S":"b%d"},"s":{"S":"%s"}}}`, i, strings.Repeat("x", 390_000)))
			if err != nil || status != http.StatusOK {
				t.Fatal(status, body, err)
			}
			keys = append(keys, fmt.Sprintf(`{"id":{"S":"b%d"}}`, i))
		}
		for target, body := range map[string]string{
			"BatchGetItem": `{"RequestItems":{"health":{"Keys":[` + strings.Join(keys, ",") + `]}}}`,
			"Scan":         `{"TableName":"health"}`,
		} {
			for range 120 {
				v.dial(t, fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: DynamoDB_20120810.%s\r\n"+
					"Content-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%s", target, len(body), body))
			}
			v.works(t)
		}
	})
	peak := v.peakBytes(t)
	t.Logf("at most %d MiB of %d", peak>>20, may>>20)
	if peak > may+may/8 {
		t.Errorf("the node took %d MiB of %d\n%s", peak>>20, may>>20, v.Output)
	}
}

// startSmall runs the real binary with little memory and few descriptors.
func startSmall(t *testing.T) *victim {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "tablecast.yaml")
	if err := os.WriteFile(config, []byte(victimConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `ulimit -n 1024 && exec "$@"`, "sh",
		campaigntest.Binary(t), "up", "--json", "--dir", filepath.Join(dir, "data"), "--config", config, "--listen", "127.0.0.1:0", "--memory", "256MiB")
	v := &victim{Process: campaigntest.StartCommand(t, cmd), client: &http.Client{Timeout: time.Minute}}
	t.Cleanup(v.Kill)
	t.Cleanup(v.client.CloseIdleConnections)
	return v
}

// post calls an operation of the tables unsigned.
func (v *victim) post(operation, body string) (status int, answer string, err error) {
	r, err := http.NewRequest(http.MethodPost, v.Endpoint, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := v.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return resp.StatusCode, string(text), err
}

// works checks that a small write is answered now.
func (v *victim) works(t *testing.T) {
	t.Helper()
	if status, body, err := v.post("PutItem", `{"TableName":"health","Item":{"id":{"S":"a"}}}`); err != nil || status != http.StatusOK {
		t.Errorf("a small write meanwhile: %d %s %v", status, body, err)
	}
}

// dial opens a connection that sends a text, reads nothing and stays until the test
// ends. The node may close it.
func (v *victim) dial(t *testing.T, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(v.Endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(conn, bytes.NewReader([]byte(text))); err != nil {
		t.Logf("the node closed a connection: %v", err)
	}
}
