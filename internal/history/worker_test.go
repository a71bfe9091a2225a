package history

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast"
	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/internal/server/servertest"
)

const workerFile = `
tables: { users: { key: id, stream: new-and-old-images } }
mapping: { envelope: metadata }
events: { UserChanged: { from: users, on: [insert, modify], detail: { id: "${new.id}", n: "${new.n}" } } }
`

// serveNode runs a node in this process, in memory.
func serveNode(t *testing.T, text string) (*tablecast.Node, string) {
	t.Helper()
	return servertest.Start(t, servertest.Options{Config: text, Memory: true})
}

// startWorker runs `tablecast worker` and returns once it says that it runs.
func startWorker(t *testing.T, config, source, target string) *campaigntest.Process {
	t.Helper()
	return campaigntest.StartCommand(t, exec.Command(campaigntest.Binary(t), "worker", "--json", "--config", config,
		"--source", source, "--bus", target, "--listen", "127.0.0.1:0", "--failover", "1s"))
}

// TestWorkerKill kills workers of one group in the middle of their work, over
// and over: no change is lost, those of one item arrive in order, and what
// arrives twice has an equal id.
func TestWorkerKill(t *testing.T) {
	kills := 12
	if testing.Short() {
		kills = 2
	}
	_, source := serveNode(t, "tables: { users: { key: id, stream: new-and-old-images } }")
	to, target := serveNode(t, "")
	config := filepath.Join(t.TempDir(), "tablecast.yaml")
	if err := os.WriteFile(config, []byte(workerFile), 0o600); err != nil {
		t.Fatal(err)
	}
	workers := []*campaigntest.Process{startWorker(t, config, source, target), startWorker(t, config, source, target)}
	t.Cleanup(func() {
		for _, w := range workers {
			w.Kill()
		}
	})
	client := (&campaigntest.Process{Endpoint: source}).Tables()
	written := map[string]int{}
	write := func(items int) {
		for range items {
			id := fmt.Sprint("i", rand.IntN(20))
			written[id]++
			_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("users"), Item: map[string]types.AttributeValue{
				"id": &types.AttributeValueMemberS{Value: id}, "n": &types.AttributeValueMemberN{Value: strconv.Itoa(written[id])},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for range kills {
		write(40 + rand.IntN(200))
		i := rand.IntN(len(workers))
		workers[i].Kill()
		write(20)
		workers[i] = startWorker(t, config, source, target)
	}
	total := 0
	for _, n := range written {
		total += n
	}
	var got map[string]string
	for wait := time.Now().Add(time.Minute); time.Now().Before(wait) && len(got) < total; <-time.After(50 * time.Millisecond) {
		got = arrived(t, to)
	}
	if len(got) != total {
		t.Errorf("of %d changes %d arrived\n%s\n%s", total, len(got), workers[0].Output, workers[1].Output)
	}
	t.Logf("%d kills, %d changes", kills, total)
}

// arrived returns the ids of the events that a bus has, by item and number, and
// checks their order.
func arrived(t *testing.T, node *tablecast.Node) map[string]string {
	t.Helper()
	ids, last := map[string]string{}, map[string]int{}
	err := node.Buses().Events(bus.Default, 0, func(_ uint64, e *event.Event) bool {
		var d struct {
			Metadata struct{ EventID string }
			Data     struct {
				ID string
				N  int
			}
		}
		if err := json.Unmarshal(e.Detail, &d, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprint(d.Data.ID, "/", d.Data.N)
		if was, seen := ids[what]; seen && was != d.Metadata.EventID {
			t.Errorf("%s came with two ids", what)
		} else if !seen && d.Data.N != last[d.Data.ID]+1 {
			t.Errorf("%s came behind number %d", what, last[d.Data.ID])
		}
		ids[what], last[d.Data.ID] = d.Metadata.EventID, max(last[d.Data.ID], d.Data.N)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}
