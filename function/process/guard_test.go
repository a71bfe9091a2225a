package process

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// teller is a program that tells how to reach its Runtime API, and speaks to it
// through children that live for one request.
const teller = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  curl -sS -o /dev/null -D "$headers" "$api/next" || exit
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *//Ip' "$headers" | tr -d '\r')
  rm "$headers"
  curl -sS -o /dev/null -d "\"$AWS_LAMBDA_RUNTIME_API\"" "$api/$id/response"
done
`

// The Runtime API answers its own process and the children of that alone: no other
// program of the machine, no page of a browser, and nothing sent to another name.
func TestRuntimeAPIOfStrangers(t *testing.T) {
	for name, spec := range map[string]Spec{
		"program": {Dir: files(t, map[string]string{"bootstrap": teller})},
		"node":    node(t, "index.js", `exports.handler = async () => process.env.AWS_LAMBDA_RUNTIME_API`),
		"python":  python(t, "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_RUNTIME_API']\n"),
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, spec, Options{})
			r, err := w.Invoke(t.Context(), []byte(`{}`), InvokeOptions{})
			if err != nil || r.FunctionError != "" {
				t.Fatalf("%s %v", r.Payload, err)
			}
			address, secret, known := strings.Cut(strings.Trim(string(r.Payload), `"`), "/")
			if known == (name == "program") {
				t.Errorf("the function's address is %s", r.Payload)
			}
			for _, path := range []string{"/2018-06-01/runtime/invocation/next", "/x/2018-06-01/runtime/invocation/next", "//2018-06-01/runtime/invocation/next", "/" + secret + "x/2018-06-01/runtime/invocation/next"} {
				strangerIsRefused(t, "http://"+address+path, "", nil)
			}
			if known {
				own := "http://" + address + "/" + secret + "/2018-06-01/runtime/invocation/next"
				strangerIsRefused(t, own, "localhost", nil)
				strangerIsRefused(t, own, "evil.example.com", nil)
				for _, header := range []string{"Origin", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Sec-Fetch-User"} {
					strangerIsRefused(t, own, "", http.Header{header: {"null"}})
				}
			}
			if r, err := w.Invoke(t.Context(), []byte(`{}`), InvokeOptions{}); err != nil || r.FunctionError != "" {
				t.Errorf("after the strangers: %s %v", r.Payload, err)
			}
		})
	}
}

// strangerIsRefused sends a request that a stranger may send and checks that the
// answer is a refusal.
func strangerIsRefused(t *testing.T, url, host string, header http.Header) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host, req.Close = host, true
	if header != nil {
		req.Header = header
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusForbidden || !bytes.Contains(body, []byte("served here")) {
		t.Errorf("%s to host %q with %v: %d %s", url, host, header, resp.StatusCode, body)
	}
}

// A stranger who was refused keeps no connection, of which a node has not many.
func TestRuntimeAPIKeepsNoStranger(t *testing.T) {
	w := start(t, node(t, "index.js", `exports.handler = async () => process.env.AWS_LAMBDA_RUNTIME_API`), Options{})
	r, err := w.Invoke(t.Context(), []byte(`{}`), InvokeOptions{})
	if err != nil || r.FunctionError != "" {
		t.Fatalf("%s %v", r.Payload, err)
	}
	address, _, _ := strings.Cut(strings.Trim(string(r.Payload), `"`), "/")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c) // ends when the server closes the connection
	if err != nil || !bytes.Contains(answer, []byte("403 Forbidden")) {
		t.Errorf("%v, %s", err, answer)
	}
}

// Programs whose client is that of a language's standard library are served.
func TestRuntimeAPIOfPrograms(t *testing.T) {
	const byFetch = `#!/usr/bin/env node
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2018-06-01/runtime/invocation/";
(async () => {
  for (;;) {
    const next = await fetch(base + "next");
    const id = next.headers.get("lambda-runtime-aws-request-id");
    await fetch(base + id + "/response", { method: "POST", body: await next.text() });
  }
})();
`
	const mapped = `#!/usr/bin/env python3
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
while True:
    s = socket.socket(socket.AF_INET6)
    s.connect(("::ffff:" + host, int(port)))
    f = s.makefile("rwb")
    def call(text):
        f.write(text.encode())
        f.flush()
        headers = {}
        f.readline()
        while line := f.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return headers, f.read(int(headers["content-length"])).decode()
    host_line = "Host: %s:%s\r\n" % (host, port)
    headers, event = call("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n%s\r\n" % host_line)
    id = headers["lambda-runtime-aws-request-id"]
    call("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (id, host_line, len(event), event))
    f.close()
    s.close()
`
	for name, program := range map[string]string{"fetch": byFetch, "IPv4 in IPv6": mapped} {
		t.Run(name, func(t *testing.T) {
			interpreter := strings.Fields(program)[1]
			if _, err := exec.LookPath(interpreter); err != nil {
				t.Skip(err)
			}
			w := start(t, Spec{Dir: files(t, map[string]string{"bootstrap": program})}, Options{})
			for range 2 {
				w.want(`{"a":1}`, `{"a":1}`)
			}
		})
	}
}
