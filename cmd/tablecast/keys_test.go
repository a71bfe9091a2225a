package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a certificate of 127.0.0.1, which is its own CA, and its key.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = write(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return cert, write(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

// mustEnd runs a command line and fails the test unless it ends with the status and says
// something.
func mustEnd(t *testing.T, status int, says string, args ...string) string {
	t.Helper()
	got, out, errOut := execute(t.Context(), args...)
	if got != status || !strings.Contains(out+errOut, says) {
		t.Errorf("%s: status %d, want %d with %q\n%s%s", strings.Join(args, " "), got, status, says, out, errOut)
	}
	return out
}

// use makes a key that a command printed that of the environment.
func use(t *testing.T, line string) (id, secret string) {
	t.Helper()
	var k struct{ ID, Secret string }
	if err := readJSON([]byte(line), &k); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", k.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", k.Secret)
	return k.ID, k.Secret
}

// The day of an operator: keys are created, listed and revoked, a closed node behind TLS
// that wants certificates of clients is asked, scraped and kept from whoever may not.
func TestClosedNode(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	mustEnd(t, statusOK, "has never had keys", "keys", "ls", "--dir", data)
	operator := mustEnd(t, statusOK, `"secret"`, "keys", "create", "operator", "--dir", data, "--json")
	low := mustEnd(t, statusOK, `"secret"`, "keys", "create", "low", "--allow", "dynamodb:GetItem,dynamodb:PutItem", "--on", "table/users", "--allow", "tablecast:Metrics", "--expires", "30d", "--dir", data, "--json")
	mustEnd(t, statusUsage, "is taken", "keys", "create", "low", "--dir", data)
	mustEnd(t, statusUsage, "no operation has the action dynamodb:PutItems", "keys", "create", "x", "--allow", "dynamodb:PutItems", "--dir", data)
	mustEnd(t, statusUsage, "--on after the --allow", "keys", "create", "x", "--on", "table/users", "--dir", data)
	mustEnd(t, statusUsage, "as in 30d", "keys", "create", "x", "--expires", "soon", "--dir", data)
	list := mustEnd(t, statusOK, "dynamodb:GetItem,dynamodb:PutItem on arn:aws:dynamodb:::table/users; tablecast:Metrics on *", "keys", "ls", "--dir", data)
	cert, key := certificate(t, dir)
	var ready struct{ Ready struct{ Endpoint string } }
	config := write(t, dir, "tablecast.yaml", "tables: { users: { key: id } }\n")
	background(t, &ready, "up", "--config", config, "--dir", data, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", cert)
	t.Setenv("AWS_ENDPOINT_URL", ready.Ready.Endpoint)
	trust := []string{"--ca", cert, "--client-cert", cert, "--client-key", key}
	id, secret := use(t, operator)
	if strings.Contains(list, secret) || !strings.Contains(list, id) {
		t.Errorf("keys ls: %s", list)
	}
	mustEnd(t, statusOK, "default", append([]string{"buses", "ls"}, trust...)...)
	mustEnd(t, statusFailed, "certificate", "buses", "ls", "--ca", cert)
	mustEnd(t, statusFailed, "certificate", "buses", "ls", "--client-cert", cert, "--client-key", key)
	mustEnd(t, statusOK, "0 items", append([]string{"export", "users", filepath.Join(dir, "users.json")}, trust...)...)
	id, secret = use(t, low)
	const refused = "User: arn:aws:iam::000000000000:user/low is not authorized to perform: "
	mustEnd(t, statusDenied, refused+"tablecast:Read on resource: *", append([]string{"buses", "ls"}, trust...)...)
	mustEnd(t, statusDenied, refused+"tablecast:Backup on resource: *", append([]string{"backup", "monday"}, trust...)...)
	mustEnd(t, statusDenied, refused+"dynamodb:DescribeTable", append([]string{"export", "users", filepath.Join(dir, "low.json")}, trust...)...)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	mustEnd(t, statusDenied, "sign with a key that may", append([]string{"buses", "ls"}, trust...)...)
	if status := scrape(t, ready.Ready.Endpoint, cert, key, id, secret); status != http.StatusOK {
		t.Errorf("scrape: %d", status)
	}
	if status := scrape(t, ready.Ready.Endpoint, cert, key, id, "wrong"); status != http.StatusForbidden {
		t.Errorf("scrape with a wrong secret: %d", status)
	}
	mustEnd(t, statusOK, "revoked "+id, "keys", "revoke", "low", "--dir", data)
	mustEnd(t, statusUsage, "no such key", "keys", "revoke", "low", "--dir", data)
	for tries := 0; scrape(t, ready.Ready.Endpoint, cert, key, id, secret) != http.StatusForbidden; tries++ {
		if tries > 1<<16 {
			t.Fatal("the revoked key goes on")
		}
	}
}

// What follows the account in an ARN means the node's own, whatever account and region
// the node gets later.
func TestGrantsOfAnyAccount(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	line := mustEnd(t, statusOK, `"secret"`, "keys", "create", "low", "--allow", "dynamodb:DescribeTable,dynamodb:Scan", "--on", "table/users", "--dir", data, "--json")
	var ready struct{ Ready struct{ Endpoint string } }
	config := write(t, dir, "tablecast.yaml", "tables: { users: { key: id }, orders: { key: id } }\n")
	background(t, &ready, "up", "--config", config, "--account", "123456789012", "--region", "eu-west-1", "--dir", data, "--listen", "127.0.0.1:0")
	t.Setenv("AWS_ENDPOINT_URL", ready.Ready.Endpoint)
	t.Setenv("AWS_REGION", "eu-west-1")
	use(t, line)
	mustEnd(t, statusOK, "0 items", "export", "users", filepath.Join(dir, "users.json"))
	mustEnd(t, statusDenied, "on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/orders", "export", "orders", filepath.Join(dir, "orders.json"))
}

// A node that listens at all addresses is called, by its functions, too, at one that it
// serves and that its certificate can name.
func TestNodeAtAllAddresses(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	use(t, mustEnd(t, statusOK, `"secret"`, "keys", "create", "operator", "--dir", data, "--json"))
	cert, key := certificate(t, dir)
	var ready struct{ Ready struct{ Endpoint string } }
	config := write(t, dir, "tablecast.yaml", "tables: { users: { key: id } }\n")
	background(t, &ready, "up", "--config", config, "--dir", data, "--listen", "0.0.0.0:0", "--tls-cert", cert, "--tls-key", key)
	mustEnd(t, statusOK, "default", "buses", "ls", "--url", ready.Ready.Endpoint, "--ca", cert)
}

// scrape reads /metrics as Prometheus does and returns the status.
func scrape(t *testing.T, endpoint, cert, key, id, secret string) int {
	t.Helper()
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(id, secret)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK && !strings.Contains(string(body), "tablecast_events_to_missing_buses_total") {
		t.Errorf("metrics: %s", body)
	}
	return resp.StatusCode
}

// A broken is a client whose connections break.
type broken struct{}

func (broken) Do(*http.Request) (*http.Response, error) {
	return nil, &url.Error{Op: "Post", URL: "https://node", Err: net.ErrClosed}
}

// A server that wants a certificate may end the connection before it says so: the error
// tells what may be missing all the same.
func TestServerWantsCertificate(t *testing.T) {
	for to, want := range map[string]bool{"https://node": true, "http://node": false} {
		r, err := http.NewRequest(http.MethodPost, to, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := uncertified{broken{}}.Do(r)
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "--client-cert") != want {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// A key of TLS that others can read, and client certificates without TLS, are refused.
func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	mustEnd(t, statusUsage, "need --tls-cert", "up", "--dir", dir+"/d", "--listen", "127.0.0.1:0", "--tls-client-ca", cert)
	mustEnd(t, statusUsage, "no certificate", "up", "--dir", dir+"/d", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, "--tls-client-ca", key)
	if err := os.Chmod(key, 0o640); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, statusUsage, "chmod 600", "up", "--dir", dir+"/d", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
}
