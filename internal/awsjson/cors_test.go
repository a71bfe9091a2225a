package awsjson_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tablecast/tablecast/internal/awsjson"
)

const friend = "http://localhost:3000"

// send sends a request without a body and with headers, and returns its answer.
func send(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// Pages of an allowed origin may send what they like, and see the answers.
func TestAllowedOrigin(t *testing.T) {
	srv := serve(t, awsjson.Options{AllowedOrigin: func(origin string) bool { return origin == friend }})
	resp, _ := send(t, "OPTIONS", srv.URL, "Origin", friend, "Sec-Fetch-Site", "cross-site", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "content-type,x-amz-target", "Access-Control-Request-Private-Network", "true")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": friend, "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type,x-amz-target",
		"Access-Control-Max-Age": "172800", "Access-Control-Allow-Private-Network": "true", "Vary": "Origin", "Content-Length": "0",
	} {
		if got := resp.Header.Get(name); got != want || resp.StatusCode != 200 {
			t.Errorf("preflight: %d, %s %q, want %q", resp.StatusCode, name, got, want)
		}
	}
	for _, body := range []string{"{}", "{"} {
		target := map[string]string{"{}": "Echo_1.Echo", "{": "Echo_1.Known"}[body]
		_, header, _ := post(t, srv.URL, target, body, func(r *http.Request) {
			r.Header.Set("Origin", friend)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		})
		if header.Get("Access-Control-Allow-Origin") != friend || header.Get("Access-Control-Expose-Headers") == "" || header.Get("Access-Control-Max-Age") != "" {
			t.Errorf("%s: %v", target, header)
		}
	}
	_, header, _ := post(t, srv.URL, "Echo_1.Echo", "{}", nil)
	for name := range header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			t.Errorf("a program is answered with %s", name)
		}
	}
}

// Other origins are refused, their preflights too, and told how they are allowed.
func TestRefusedOrigins(t *testing.T) {
	srv := serve(t, awsjson.Options{AllowedOrigin: func(origin string) bool { return origin == friend }})
	for origin, advice := range map[string]string{
		"https://evil.example":               "--cors https://evil.example,",
		"http://localhost:3001":              "--cors http://localhost:3001,",
		"http://localhost.evil.example:3000": "--cors http://localhost.evil.example:3000,",
		"null":                               "--cors ORIGIN,",
	} {
		for _, method := range []string{"OPTIONS", "GET", "POST"} {
			resp, body := send(t, method, srv.URL, "Origin", origin, "Access-Control-Request-Method", "POST")
			if resp.StatusCode != 403 || !strings.Contains(body, advice) || resp.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from %s: %d %s", method, origin, resp.StatusCode, body)
			}
		}
	}
	resp, _ := send(t, "POST", srv.URL, "Sec-Fetch-Site", "cross-site")
	if resp.StatusCode != 403 {
		t.Errorf("a request of another site without its origin: %d", resp.StatusCode)
	}
	resp, _ = send(t, "OPTIONS", srv.URL, "Access-Control-Request-Method", "POST")
	if resp.StatusCode != 404 {
		t.Errorf("a preflight of no origin: %d", resp.StatusCode)
	}
}

// A foreign host name is refused whatever the origin.
func TestAllowedOriginOfForeignHost(t *testing.T) {
	srv := serve(t, awsjson.Options{AllowedOrigin: func(string) bool { return true }})
	status, _, _ := post(t, srv.URL, "Echo_1.Echo", "{}", func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("Origin", friend) })
	if status != 403 {
		t.Errorf("status %d", status)
	}
}

// Programs that ask for / are told that the server is healthy; browsers and other
// methods find nothing there.
func TestHealth(t *testing.T) {
	const health = "healthy: dynamodb.us-east-1.amazonaws.com "
	srv := serve(t, awsjson.Options{Health: health})
	for _, c := range []struct {
		method, accept string
		status         int
	}{{"GET", "", 200}, {"GET", "*/*", 200}, {"GET", "text/html,application/xhtml+xml", 404}, {"PUT", "", 404}, {"DELETE", "", 404}, {"OPTIONS", "", 404}} {
		resp, body := send(t, c.method, srv.URL, "Accept", c.accept)
		if resp.StatusCode != c.status || c.status == 200 && body != health {
			t.Errorf("%s for %q: %d %q", c.method, c.accept, resp.StatusCode, body)
		}
		checkHeaders(t, resp.Header, body)
	}
	if resp, _ := send(t, "GET", srv.URL+"/other"); resp.StatusCode != 404 {
		t.Errorf("another path: %d", resp.StatusCode)
	}
}
