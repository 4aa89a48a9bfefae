package heap

import (
	"testing"

	"reddot/projector/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }
