package projector_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"reddot/projector/log"
	"reddot/projector/testkit"
)

// flipInLast flips one bit in the payload of the command stream's last message,
// while the server is down.
func (b *bus) flipInLast() {
	b.t.Helper()
	b.Stop()
	files := testkit.Must(filepath.Glob(filepath.Join(b.Options.StoreDir, "jetstream", "*", "streams", b.subjects.CommandStream(), "msgs", "*.blk")))(b.t)
	if len(files) != 1 {
		b.t.Fatalf("the stream's file is not found: %v", files)
	}
	const checksum = 8 // bytes, behind the payload
	content := testkit.Must(os.ReadFile(files[0]))(b.t)
	content[len(content)-checksum-2] ^= 0x10
	testkit.OK(b.t, os.WriteFile(files[0], content, 0o600))
	b.restart()
}

// TestFlippedBitAtTheEnd corrupts the last command. The server says that the
// stream has it, and sends nothing: whoever reads up to it is told, and does
// not wait for ever.
func TestFlippedBitAtTheEnd(t *testing.T) {
	t.Parallel()
	testkit.Unraced(t)
	b := newBus(t)
	a := b.author()
	b.run(t.TempDir()).stop()
	crowd(a, 100)
	last := a.flush()
	b.flipInLast()
	says := fmt.Sprintf("seq %d is in the stream, and can't be read", last)

	p := b.run(t.TempDir())
	if err := p.WaitApplied(testkit.Context(t), last-1); err != nil {
		t.Fatal(err)
	}
	testkit.WantError(t, p.fails(), log.ErrNotWhole, says)
}
