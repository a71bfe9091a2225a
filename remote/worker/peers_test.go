package worker_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/parking"
)

// A peer is a server that others wrote, which speaks DynamoDB Streams.
type peer struct {
	name, where string   // an environment variable that names the program
	paths       []string // where it may be
	args        func(port string) []string
}

var peers = []peer{
	{"moto_server", "MOTO_SERVER", []string{"moto_server"}, func(port string) []string { return []string{"-H", "127.0.0.1", "-p", port} }},
	{"dynoxide", "DYNOXIDE", []string{"../../test/peers/node_modules/@dynoxide/linux-x64/dynoxide", "dynoxide"}, func(port string) []string {
		return []string{"--host", "127.0.0.1", "--port", port}
	}},
}

// start runs the peer until the test ends, or skips the test.
func (p peer) start(t *testing.T) *served {
	t.Helper()
	var path string
	for _, name := range append([]string{os.Getenv(p.where)}, p.paths...) {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skipf("SKIPPED: %s is neither on PATH nor named by %s, so nothing was tried against it (test/install installs what it can)", p.name, p.where)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, p.args(port)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &served{nil, "http://" + address, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		cmd.Process.Kill()
		cmd.Wait()
	})
	until(t, p.name+" answers", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	return s
}

// A worker reads tables of servers that others wrote, and keeps its state there.
func TestPeers(t *testing.T) {
	for _, other := range peers {
		t.Run(other.name, func(t *testing.T) {
			p := newPair(t, "")
			p.from = other.start(t)
			createUsers(t, p)
			w, stop := p.run(t, "g", strict)
			p.put(t, "id", "a", "email", "1")
			p.put(t, "id", "bad", "n", "1")
			p.put(t, "id", "bad", "n", "2", "email", "2")
			p.put(t, "id", "b", "email", "3")
			until(t, "two events, two parked", func() bool { return len(p.facts(t)) == 2 && len(parkedOf(t, w)) == 2 })
			stop()
			p.put(t, "id", "c", "email", "4")
			_, stop = p.run(t, "g", lenient)
			p.put(t, "id", "bad", "n", "3")
			until(t, "it goes on where it was", func() bool { return slices.Contains(p.texts(t), "UserChanged c") && len(parkedOf(t, w)) == 3 })
			fixed := p.open(t, "g", lenient)
			if r := redrive(t, fixed, parking.Selection{}); r != (parking.Redriven{Records: 3, Events: 3}) {
				t.Errorf("%+v", r)
			}
			stop()
			var got []string
			for _, text := range p.texts(t, "n") {
				if strings.HasPrefix(text, "UserChanged bad ") {
					got = append(got, text)
				}
			}
			if d := cmp.Diff([]string{"UserChanged bad 1", "UserChanged bad 2", "UserChanged bad 3"}, got); d != "" || len(parkedOf(t, w)) != 0 {
				t.Errorf("%s; parked %v", d, parkedOf(t, w))
			}
		})
	}
}

func createUsers(t *testing.T, p *pair) {
	t.Helper()
	_, err := p.from.tables().CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("users"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	if err != nil {
		t.Fatal(err)
	}
}
