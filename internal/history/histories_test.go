package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

// historyActions is how many actions a history has.
const historyActions = 100

// TestHistories has random users do all kinds of things to a whole node, over its
// HTTP APIs, and compares each answer, and what is stored, raised and delivered in
// the end, with a pure model. Each history is run under two random sets of options,
// on which nothing may depend. Of a history that fails it prints the shortest part
// that still does.
func TestHistories(t *testing.T) {
	c := campaigntest.Start(t, "histories", "histories", 20)
	branches := map[string]int{}
	for ; c.Done < c.N; c.Done++ {
		rng := c.Rand(uint64(c.Done))
		var actions []action
		for i := range historyActions {
			actions = append(actions, randomAction(rng, i))
		}
		for _, o := range []worldOptions{randomOptions(rng), randomOptions(rng)} {
			m, err := replay(t, actions, o)
			if err != nil {
				t.Fatalf("history %d, under %+v: %v\n%s", c.Done, o, err, shrink(t, actions, o))
			}
			for branch, n := range m.branches {
				branches[branch] += n
			}
		}
	}
	var lines []string
	for branch, n := range branches {
		lines = append(lines, fmt.Sprintf("%7d %s", n, branch))
	}
	slices.Sort(lines)
	t.Logf("answers:\n%s", strings.Join(lines, "\n"))
	if campaigntest.Long() {
		checkBranches(t, branches)
	}
}

// checkBranches fails for what has never come in a long campaign.
func checkBranches(t *testing.T, branches map[string]int) {
	t.Helper()
	want := []string{
		"PutItem: " + answerUnmet, "UpdateItem: " + answerUnmet, "DeleteItem: " + answerUnmet, "Update: " + answerUnmet,
		"Insert: " + answerDuplicate, "TransactWriteItems: TransactionCanceledException", "PutEvents: MalformedDetail", "PutEvents: InvalidArgument",
		"PutTargets: " + answerNoRule, "RemoveTargets: " + answerNoRule, "EnableRule: " + answerNoRule, "DisableRule: " + answerNoRule, "DeleteRule: " + answerInUse,
	}
	for _, op := range operations {
		if !slices.ContainsFunc([]string{answerOK, "items", "nothing"}, func(out string) bool { return branches[op+": "+out] > 0 }) {
			t.Errorf("%s was never answered", op)
		}
	}
	for _, branch := range want {
		if branches[branch] == 0 {
			t.Errorf("%s never came", branch)
		}
	}
}

// replay does the actions in a bubble of their own and returns the model, with the
// first difference from it.
func replay(t *testing.T, actions []action, o worldOptions) (m *model, err error) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		m = newModel()
		err = play(m, actions, o)
	})
	return m, err
}

func play(m *model, actions []action, o worldOptions) error {
	w := &world{o: o, fs: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(o.seed, 1)), seen: map[string]bool{}, delivered: map[string][]news{}}
	if err := w.open(); err != nil {
		return err
	}
	for i, a := range actions {
		want := m.do(a)
		got, err := w.do(a, i)
		if err == nil && got != want {
			err = fmt.Errorf("answered %q, want %q", got, want)
		}
		if err != nil {
			_ = w.stop()
			return fmt.Errorf("action %d, %+v: %w", i, a, err)
		}
	}
	err := w.compare(m)
	if err == nil {
		err = w.restart(true)
	}
	if err == nil {
		err = w.compare(m)
	}
	if stopErr := w.stop(); err == nil {
		err = stopErr
	}
	if err == nil {
		err = checkFolder(w.fs)
	}
	return err
}

// shrink returns the shortest part of a failing history that it finds.
func shrink(t *testing.T, actions []action, o worldOptions) string {
	t.Helper()
	var last error
	for size := len(actions) / 2; size > 0; size /= 2 {
		for at := 0; at < len(actions); {
			fewer := slices.Concat(actions[:at], actions[min(at+size, len(actions)):])
			if _, err := replay(t, fewer, o); err != nil {
				actions, last = fewer, err
			} else {
				at += size
			}
		}
	}
	text := fmt.Sprintf("%d actions suffice: %v\n", len(actions), last)
	for i, a := range actions {
		text += fmt.Sprintf("%3d %+v\n", i, a)
	}
	return text
}
