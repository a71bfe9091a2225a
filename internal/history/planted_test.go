package history

import (
	"flag"
	"os/exec"
	"strings"
	"testing"
)

var plants = flag.Bool("plants", false, "build with planted faults and see them caught")

// TestPlanted builds the tests with a fault planted and expects them to fail.
// A check that cannot fail proves nothing.
func TestPlanted(t *testing.T) {
	if !*plants {
		t.Skip("planted faults are built only with -plants")
	}
	for tag, promise := range map[string]string{
		"tablecast_plant_nosync": "P2: user", // acknowledges before the fsync
		"tablecast_plant_cursor": "P1, P5:",  // advances before the events are accepted
	} {
		t.Run(tag, func(t *testing.T) {
			out, err := exec.Command("go", "test", "-count=1", "-tags", tag, "-run", "^TestPowerLoss$", ".", "-args", "-length", "400").CombinedOutput()
			if err == nil || !strings.Contains(string(out), promise) {
				t.Errorf("the fault was not caught: %v\n%s", err, out)
			}
		})
	}
}
