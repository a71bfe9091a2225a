package history

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

// TestKillPower kills a build of the real binary that keeps in memory what it did
// not sync, so that each kill is a power loss. Half of the time the node is killed
// in the middle of a burst of writes, and half of the time it kills itself before an
// operation of its file system, or in the middle of one: while it makes the folder,
// recovers it, or is written to.
func TestKillPower(t *testing.T) {
	short := 5
	if testing.Short() {
		short = 3
	}
	c := campaigntest.Start(t, "kill-power", "power losses of the real binary", short)
	var h *killHistory
	for c.Done < c.N {
		if h == nil || len(h.sent) > 2000 {
			if h != nil {
				h.end(t)
			}
			h = newKillHistory(t, c.Rand(uint64(c.Done)))
		}
		if h.powerLoss(t); t.Failed() {
			break
		}
		c.Done++
	}
	h.end(t)
}

// powerLoss starts the node, checks it, writes, and cuts the power.
func (h *killHistory) powerLoss(t *testing.T) {
	t.Helper()
	killAt := 0
	if h.suicidal = h.rand.IntN(2) == 0; h.suicidal {
		killAt = 1 + h.rand.IntN([]int{60, 300, 1500}[h.rand.IntN(3)])
	}
	keep := []int{0, 0, 100, h.rand.IntN(101)}[h.rand.IntN(4)]
	p, ready := campaigntest.TryCommand(t, h.powerCommand(t, keep, killAt))
	switch {
	case !ready && !h.suicidal:
		t.Fatalf("the node does not start: %v\n%s", p.Cmd.ProcessState, p.Output)
	case !ready && p.Cmd.ProcessState.ExitCode() != -1:
		t.Fatalf("the node ended by itself: %v\n%s", p.Cmd.ProcessState, p.Output)
	case !ready:
		return
	case !h.suicidal:
		h.check(t, p, "after a power loss")
	}
	h.burst(t, p, time.Duration(h.rand.IntN(100))*time.Millisecond)
	if p.Cmd.ProcessState.ExitCode() != -1 {
		t.Errorf("the node ended by itself: %v", p.Cmd.ProcessState)
	}
	if t.Failed() {
		t.Log(p.Output)
	}
}

// powerCommand is the command of a node that loses what it does not sync. A
// percentage of that is kept all the same.
func (h *killHistory) powerCommand(t *testing.T, keep, killAt int) *exec.Cmd {
	t.Helper()
	root := filepath.Dir(h.dir)
	cmd := exec.Command(campaigntest.Binary(t, "tablecast_power"), "up", "--json", "--dir", h.dir, "--config", h.config, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TABLECAST_POWER_ROOT="+root, fmt.Sprint("TABLECAST_POWER_KEEP=", keep),
		fmt.Sprint("TABLECAST_POWER_KILL=", killAt), fmt.Sprint("TABLECAST_POWER_SEED=", h.rand.Uint32()))
	return cmd
}
