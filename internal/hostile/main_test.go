package hostile

import (
	"testing"

	"github.com/tablecast/tablecast/internal/campaigntest"
)

func TestMain(m *testing.M) { campaigntest.Main(m) }
