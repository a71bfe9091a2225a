package history

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/internal/runtimeapi"
	"github.com/tablecast/tablecast/internal/wait"
)

// pathConfig goes beside killConfig, with the URL of the consumer and the binary of
// this test, which is the function.
const pathConfig = `
functions:
  hear: { binary: %[2]s, runtime: provided.al2023, env: { HEARD: "%[1]s/heard" }, timeout: 20s, from: { users: { start: trim-horizon, batch: 20 } } }
`

const pathTables = `
  accounts: { key: id, stream: new-image }
  sessions: { key: id, stream: new-and-old-images, ttl: ends }
`

const pathEvents = `
  AccountChanged: { from: accounts, source: myapp.accounts, bus: main, detail: { id: "${new.id}", v: "${new.v}" } }
  SessionEnded: { from: sessions, on: remove, source: myapp.sessions, bus: main, detail: { id: "${old.id}" } }
`

const pathRules = `
  in-order:
    bus: main
    pattern: { source: [myapp.accounts] }
    targets: [ { webhook: "%[1]s/ordered", order: true } ]
  heard:
    bus: main
    pattern: { source: [myapp.users] }
    targets: [ { function: hear } ]
  logged:
    bus: main
    pattern: { source: [myapp.users] }
    targets: [ { log: told } ]
  refused:
    bus: main
    pattern: { source: [myapp.users] }
    targets: [ { webhook: "%[1]s/refused", retry: { attempts: 1 } } ]
  ended:
    bus: main
    pattern: { source: [myapp.sessions] }
    targets: [ { webhook: "%[1]s/ended" } ]
`

// A pathHistory is what the outside world knows of all that lies behind the tables.
type pathHistory struct {
	mu       sync.Mutex
	versions map[string]int  // account -> the newest version that arrived
	byRule   map[string]bool // users of whom the function was told by its rule
	byStream map[string]bool // and by its event source mapping
	refused  map[string]bool // ids of events that were refused once
	accepted map[string]bool // users that /refused took at last
	ended    map[string]string
	faults   []string

	consumer *httptest.Server
	writes   map[string]int  // account -> the newest version that was acknowledged
	rules    map[string]bool // rules that come and go -> whether the last call made it; absent: not known
	next     int
}

func newPathHistory() *pathHistory {
	return &pathHistory{
		versions: map[string]int{}, byRule: map[string]bool{}, byStream: map[string]bool{}, refused: map[string]bool{}, accepted: map[string]bool{}, ended: map[string]string{},
		writes: map[string]int{}, rules: map[string]bool{},
	}
}

// config returns the file for the whole path.
func (x *pathHistory) config(t *testing.T) string {
	t.Helper()
	x.consumer = httptest.NewServer(http.HandlerFunc(x.consume))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(killConfig, "\nbuses:", pathTables+"buses:", 1)
	text = strings.Replace(text, "\nrules:\n", pathEvents+"rules:\n", 1)
	return text + strings.TrimPrefix(fmt.Sprintf(pathRules, x.consumer.URL), "\n") + fmt.Sprintf(pathConfig, x.consumer.URL, self)
}

// A message is an event, or a batch of change records.
type message struct {
	ID     string `json:"id"`
	Detail struct {
		ID string `json:"id"`
		V  int    `json:"v"`
	} `json:"detail"`
	Records []struct {
		Dynamodb struct {
			Keys struct {
				ID struct{ S string } `json:"id"`
			}
		} `json:"dynamodb"`
	} `json:"Records"`
}

// consume notes what arrives at the webhooks, and what the function was given.
func (x *pathHistory) consume(w http.ResponseWriter, r *http.Request) {
	var m message
	if err := json.UnmarshalRead(r.Body, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch r.URL.Path {
	case "/heard":
		for _, record := range m.Records {
			x.byStream[record.Dynamodb.Keys.ID.S] = true
		}
		x.byRule[m.Detail.ID] = true
	case "/ordered":
		if m.Detail.V < x.versions[m.Detail.ID] {
			x.faults = append(x.faults, fmt.Sprintf("P4: version %d of account %s came after %d", m.Detail.V, m.Detail.ID, x.versions[m.Detail.ID]))
		}
		x.versions[m.Detail.ID] = m.Detail.V
	case "/refused":
		if !x.refused[m.ID] {
			x.refused[m.ID] = true
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		x.accepted[m.Detail.ID] = true
	case "/ended":
		if first := x.ended[m.Detail.ID]; first != "" && first != m.ID {
			x.faults = append(x.faults, fmt.Sprintf("P5: session %s ended by events %s and %s", m.Detail.ID, first, m.ID))
		}
		x.ended[m.Detail.ID] = m.ID
	}
}

// hear is the function: it passes its payload on.
func hear() error {
	return runtimeapi.New(os.Getenv(runtimeapi.EnvAddress)).Run(context.Background(), func(ctx context.Context, in runtimeapi.Invocation) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("HEARD"), bytes.NewReader(in.Payload))
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		return []byte("null"), resp.Body.Close()
	})
}

// write changes accounts, begins sessions that are over, and puts and deletes rules,
// until the node is killed, and returns the error of the call that was not answered
// well.
func (x *pathHistory) write(ctx context.Context, p *campaigntest.Process) error {
	tables, rules := p.Tables(), buses(p)
	for i := 0; ; i++ {
		x.next++
		account := fmt.Sprint("a", x.next%5)
		n := func(v int) types.AttributeValue { return &types.AttributeValueMemberN{Value: fmt.Sprint(v)} }
		_, err := tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("accounts"), Item: map[string]types.AttributeValue{
			"id": &types.AttributeValueMemberS{Value: account}, "v": n(x.next),
		}})
		if err == nil {
			x.writes[account] = x.next
			_, err = tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("sessions"), Item: map[string]types.AttributeValue{
				"id": &types.AttributeValueMemberS{Value: fmt.Sprint("s", x.next)}, "ends": n(1_790_000_000),
			}})
		}
		if err == nil {
			err = x.churn(ctx, rules, fmt.Sprint("churn-", x.next%3))
		}
		if err != nil {
			return err
		}
	}
}

// churn makes a rule with a target, or deletes it.
func (x *pathHistory) churn(ctx context.Context, client *eventbridge.Client, name string) error {
	made, known := x.rules[name]
	delete(x.rules, name)
	bus := aws.String("main")
	if known && made {
		_, err := client.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &name, EventBusName: bus, Ids: []string{"t"}})
		if err == nil {
			_, err = client.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &name, EventBusName: bus})
		}
		if err == nil {
			x.rules[name] = false
		}
		return err
	}
	_, err := client.PutRule(ctx, &eventbridge.PutRuleInput{Name: &name, EventBusName: bus, EventPattern: aws.String(`{"source":["myapp.users"]}`)})
	if err == nil {
		_, err = client.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: &name, EventBusName: bus, Targets: []ebtypes.Target{{Id: aws.String("t"), Arn: aws.String("log:" + name)}}})
	}
	if err == nil {
		x.rules[name] = true
	}
	return err
}

// check compares what arrived with what is stored, once the node is quiet.
func (x *pathHistory) check(ctx context.Context, t *testing.T, h *killHistory, p *campaigntest.Process, stored map[string]bool) {
	t.Helper()
	x.checkRules(ctx, t, p)
	versions := map[string]int{}
	for _, row := range rows(ctx, t, p, dynamodb.ScanInput{TableName: aws.String("accounts")}) {
		v := 0
		_, _ = fmt.Sscan(row["v"].(*types.AttributeValueMemberN).Value, &v)
		versions[row["id"].(*types.AttributeValueMemberS).Value] = v
	}
	for account, v := range x.writes {
		if versions[account] < v {
			t.Errorf("P2: version %d of account %s was acknowledged, %d is there", v, account, versions[account])
		}
	}
	if err := x.redrive(p); err != nil {
		t.Errorf("redrive: %v", err)
	}
	missing := ""
	for {
		if missing = x.missing(h, stored, versions); missing == "" {
			break
		}
		if wait.Sleep(ctx, 5e6) != nil {
			t.Errorf("P5: nobody was told: %s", missing)
			return
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, fault := range x.faults {
		t.Error(fault)
	}
	for _, row := range rows(ctx, t, p, dynamodb.ScanInput{TableName: aws.String("sessions")}) {
		if id := row["id"].(*types.AttributeValueMemberS).Value; x.ended[id] != "" {
			t.Errorf("P2: session %s has ended and is there", id)
		}
	}
}

// redrive sends all dead letters of the rule again.
func (x *pathHistory) redrive(p *campaigntest.Process) error {
	resp, err := http.Post(p.Endpoint+"/_api/v1/dead-letters/redrive", "application/json", strings.NewReader(`{"bus":"main","rule":"refused"}`))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
	}
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// missing names somebody who was told nothing of a user or an account.
func (x *pathHistory) missing(h *killHistory, stored map[string]bool, versions map[string]int) string {
	logged := h.logged()
	x.mu.Lock()
	defer x.mu.Unlock()
	for id := range stored {
		for who, told := range map[string]map[string]bool{"the function, by its rule": x.byRule, "the function, by its mapping": x.byStream, "the log": logged, "who refused at first": x.accepted} {
			if !told[id] {
				return who + ", of user " + id
			}
		}
	}
	for account, v := range versions {
		if x.versions[account] < v {
			return fmt.Sprintf("the ordered webhook, of version %d of account %s", v, account)
		}
	}
	return ""
}

// checkRules compares the rules that come and go with the calls that were answered.
func (x *pathHistory) checkRules(ctx context.Context, t *testing.T, p *campaigntest.Process) {
	t.Helper()
	list, err := buses(p).ListRules(ctx, &eventbridge.ListRulesInput{EventBusName: aws.String("main"), NamePrefix: aws.String("churn-")})
	if err != nil {
		t.Errorf("rules: %v", err)
		return
	}
	have := map[string]bool{}
	for _, r := range list.Rules {
		have[*r.Name] = true
	}
	for name, made := range x.rules {
		if have[name] != made {
			t.Errorf("P2: rule %s: there: %t, acknowledged: %t", name, have[name], made)
		}
	}
}

// logged returns the users whose events are whole lines of the log target.
func (h *killHistory) logged() map[string]bool {
	ids := map[string]bool{}
	text, _ := os.ReadFile(filepath.Join(h.dir, "logs", "told.jsonl")) // absent before the first event
	for line := range bytes.Lines(text) {
		var m message
		if json.Unmarshal(line, &m) == nil {
			ids[m.Detail.ID] = true
		}
	}
	return ids
}
