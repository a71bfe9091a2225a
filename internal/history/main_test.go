package history

import (
	"os"
	"testing"

	"github.com/tablecast/tablecast/internal/campaigntest"
	"github.com/tablecast/tablecast/internal/runtimeapi"
)

// TestMain runs the tests, or the function of TestKill.
func TestMain(m *testing.M) {
	if os.Getenv(runtimeapi.EnvAddress) == "" {
		campaigntest.Main(m)
		return
	}
	if hear() != nil {
		os.Exit(1)
	}
}
